//! The contract alone, as a crate that clients depend on would have it, and an implementation of it.

#[micro::message]
pub struct HelloRequest {
    pub name: String,
}

#[micro::message]
pub struct HelloResponse {
    pub greeting: String,
}

#[micro::service(name = "contract-trait")]
pub trait Greeter {
    #[micro::handler]
    async fn hello(&self, request: HelloRequest) -> micro::Result<HelloResponse>;
}

struct MyGreeter;

impl Greeter for MyGreeter {
    async fn hello(&self, request: HelloRequest) -> micro::Result<HelloResponse> {
        Ok(HelloResponse {
            greeting: format!("Hello {}", request.name),
        })
    }
}

#[micro::main]
async fn main(service: micro::Service) -> micro::Result<()> {
    let client = GreeterClient::new(&service);
    let running = service.handle(greeter::serve(MyGreeter)).start().await?;

    println!(
        "{}",
        client
            .hello(HelloRequest {
                name: "John".into()
            })
            .await?
            .greeting
    );

    running.stop().await;
    Ok(())
}
