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

async fn call(service: &micro::Service) -> micro::Result<Text> {
    let service: micro::Service = service.clone().handle(Greeter);
    GreeterClient::new(&service).hello(Text::default()).await
}

fn main() {}
