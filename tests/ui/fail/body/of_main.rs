#[micro::main]
async fn main(service: micro::Service) -> micro::Result<()> {
    service.walk().await
}
