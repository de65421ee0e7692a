#[micro::message]
struct Text {
    text: String,
}

struct Greeter;

#[micro::service]
impl Greeter {
    #[micro::handler]
    async fn hello(&self, request: &Text) -> micro::Result<Text> {
        Ok(request.clone())
    }
}

// The client is there all the same.
async fn call(greeter: GreeterClient) -> micro::Result<Text> {
    greeter.hello(Text::default()).await
}

fn main() {}
