#[micro::message]
struct Text {
    text: String,
}

struct Greeter;

#[micro::service]
impl Greeter {
    #[micro::handler(timout = "2s")]
    async fn hello(&self, request: Text) -> micro::Result<Text> {
        Ok(request)
    }
}

fn main() {}
