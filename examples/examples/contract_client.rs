//! A client: found through the registry, and a call that is a value until it is awaited.

use micro::prelude::*;

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

#[micro::service(name = "contract-client", version = "1.0.0")]
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
    let greeter = GreeterClient::new(&service);
    let running = service.handle(Greeter).start().await?;

    let reply = greeter
        .hello(HelloRequest {
            name: "John".into(),
        })
        .await?;
    println!("{}", reply.greeting);
    let request = HelloRequest { name: "Ann".into() };
    let reply = greeter
        .hello(request)
        .timeout(Duration::from_millis(500))
        .metadata("x-user", "42")
        .await?;
    println!("{}", reply.greeting);

    running.stop().await;
    Ok(())
}
