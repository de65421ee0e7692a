#[micro::message]
struct Text {
    text: String,
}

struct Greeter;

#[micro::service]
impl Greeter {
    #[micro::handler]
    async fn hello_all(&self, request: Text) -> micro::Result<Text> {
        Ok(request)
    }

    #[micro::handler]
    async fn hello__all(&self, request: Text) -> micro::Result<Text> {
        Ok(request)
    }
}

fn main() {}
