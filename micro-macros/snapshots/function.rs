#[micro::function(name = "go.micro.fnc.greeter")]
async fn hello(request: HelloRequest) -> micro::Result<HelloResponse> {
    Ok(greet(request))
}
