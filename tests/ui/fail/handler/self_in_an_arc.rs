#[micro::message]
struct Text {
    text: String,
}

struct Greeter;

#[micro::service]
impl Greeter {
    #[micro::handler]
    async fn hello(self: std::sync::Arc<Self>, request: Text) -> micro::Result<Text> {
        Ok(request)
    }
}

fn main() {}
