struct Greeter;

#[micro::main]
async fn main(service: micro::Service) -> micro::Result<()> {
    service.handle(Greeter).run().await
}
