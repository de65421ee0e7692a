#[micro::main(name = "greeter")]
async fn main(service: micro::Service, args: Args) -> micro::Result<()> {
    service.run().await
}
