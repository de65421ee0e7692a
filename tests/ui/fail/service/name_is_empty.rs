#[micro::message]
struct Text {
    text: String,
}

struct Greeter;

#[micro::service(name = "")]
impl Greeter {
    #[micro::handler]
    async fn hello(&self, request: Text) -> micro::Result<Text> {
        Ok(request)
    }
}

fn main() {}
