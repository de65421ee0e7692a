#[micro::message]
struct Text {
    text: String,
}

struct Failure;

struct Greeter;

#[micro::service]
impl Greeter {
    #[micro::handler]
    async fn hello(&self, request: Text) -> Result<Text, Failure> {
        Ok(request)
    }
}

fn main() {}
