#[micro::message]
struct Text {
    text: String,
}

struct Greeter;

#[micro::service]
impl Greeter {
    #[micro::handler]
    async fn local(&self, request: Text) -> micro::Result<Text> {
        Ok(request)
    }
}

fn main() {}
