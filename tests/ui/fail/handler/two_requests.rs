#[micro::message]
struct Text {
    text: String,
}

struct Greeter;

#[micro::service]
impl Greeter {
    #[micro::handler]
    async fn hello(&self, first: Text, second: Text) -> micro::Result<Text> {
        Ok(request)
    }
}

fn main() {}
