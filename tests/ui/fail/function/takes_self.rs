#[micro::message]
struct Text {
    text: String,
}

struct Greeter;

impl Greeter {
    #[micro::function(name = "greeter")]
    async fn hello(&self, request: Text) -> micro::Result<Text> {
        Ok(request)
    }
}

fn main() {}
