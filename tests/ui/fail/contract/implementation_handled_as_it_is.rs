#[micro::service]
trait Greeter {
    #[micro::handler]
    async fn hello(&self, name: String) -> micro::Result<String>;
}

struct English;

impl Greeter for English {
    async fn hello(&self, name: String) -> micro::Result<String> {
        Ok(name)
    }
}

#[micro::main]
async fn main(service: micro::Service) -> micro::Result<()> {
    service.handle(English).run().await
}
