#[micro::message]
struct Text {
    text: String,
}

struct Greeter;

#[micro::service]
impl Greeter {
    #[micro::handler]
    async fn hello(&self, request: Text) -> Option<Text> {
        Some(request)
    }
}

fn main() {}
