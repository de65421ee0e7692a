//! The smallest program: a service and a call to it, in one process.

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

#[micro::service(name = "helloworld")]
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

    running.stop().await;
    Ok(())
}
