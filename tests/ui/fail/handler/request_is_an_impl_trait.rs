#[micro::message]
struct Text {
    text: String,
}

struct Greeter;

#[micro::service]
impl Greeter {
    #[micro::handler]
    async fn hello(&self, name: impl Into<String>) -> micro::Result<Text> {
        Ok(request)
    }
}

fn main() {}
