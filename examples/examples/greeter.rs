//! A service. Run it in one shell, and `greeter-client` in another.

#[micro::message]
pub struct HelloRequest {
    pub name: String,
}

#[micro::message]
pub struct HelloResponse {
    pub greeting: String,
}

#[derive(Default)]
pub struct Greeter;

#[micro::service(name = "greeter", version = "1.0.0")]
impl Greeter {
    /// Greets the caller by name.
    #[micro::handler]
    pub async fn hello(&self, request: HelloRequest) -> micro::Result<HelloResponse> {
        Ok(HelloResponse {
            greeting: format!("Hello {}", request.name),
        })
    }
}

#[micro::main]
async fn main(service: micro::Service) -> micro::Result<()> {
    service.handle(Greeter).run().await
}
