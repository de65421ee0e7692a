#[micro::message]
struct Text {
    text: String,
}

struct Greeter;

#[micro::service]
impl Greeter {
    #[micro::handler(timeout = "2")]
    fn hello(&self, request: Text) -> micro::Result<Text> {
        Ok(request)
    }

    #[micro::handler]
    async fn welcome(&mut self, request: &Text) -> micro::Result<Text> {
        Ok(request.clone())
    }
}

fn main() {}
