#[micro::message]
struct Text {
    text: String,
}

struct Greeter;

#[micro::service]
impl Greeter {
    #[micro::handler]
    async fn hello(&self, request: Text) -> micro::Result<Text> {
        let reply = request.;
        Ok(reply)
    }
}

#[micro::main]
async fn main(service: micro::Service) -> micro::Result<()> {
    let service = service.handle(Greeter);
    let greeter = GreeterClient::new(&service);
    drop(greeter.hello(Text::default()).await?.text);
    Ok(())
}
