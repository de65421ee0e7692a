//! A client of `greeter`: it knows the contract, not the code behind it.

#[micro::message]
pub struct HelloRequest {
    pub name: String,
}

#[micro::message]
pub struct HelloResponse {
    pub greeting: String,
}

#[micro::service(name = "greeter")]
pub trait Greeter {
    #[micro::handler]
    async fn hello(&self, request: HelloRequest) -> micro::Result<HelloResponse>;
}

#[micro::main]
async fn main(service: micro::Service) -> micro::Result<()> {
    let greeter = GreeterClient::new(&service);
    let reply = greeter
        .hello(HelloRequest {
            name: "John".into(),
        })
        .await?;
    println!("{}", reply.greeting);
    Ok(())
}
