#[micro::message]
struct Text {
    text: String,
}

struct Greeter;

#[micro::service(name = "a" version = "1")]
impl Greeter {
    #[micro::handler]
    async fn hello(&self, request: Text) -> micro::Result<Text> {
        Ok(request)
    }
}

fn main() {}
