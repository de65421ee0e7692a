//! A whole program: registers, answers one call, and exits.

#[micro::message]
pub struct HelloRequest {
    pub name: String,
}

#[micro::message]
pub struct HelloResponse {
    pub greeting: String,
}

#[micro::function(name = "go.micro.fnc.greeter")]
async fn hello(request: HelloRequest) -> micro::Result<HelloResponse> {
    Ok(HelloResponse {
        greeting: format!("Hello {}", request.name),
    })
}
