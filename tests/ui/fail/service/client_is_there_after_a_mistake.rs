#[micro::message]
struct Text {
    text: String,
}

struct Greeter;

#[micro::service]
impl Greeter {
    #[micro::handler]
    fn hello(&self, request: Text) -> micro::Result<Text> {
        Ok(request)
    }
}

#[micro::main]
async fn main(service: micro::Service) -> micro::Result<()> {
    let service = service.handle(Greeter);
    let reply = GreeterClient::new(&service).hello(Text::default()).await?;
    drop(reply.text);
    Ok(())
}
