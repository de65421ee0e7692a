#[micro::message]
struct Text {
    text: String,
}

struct Greeter {
    count: std::cell::Cell<u32>,
}

#[micro::service]
impl Greeter {
    #[micro::handler]
    async fn hello(&self, request: Text) -> micro::Result<Text> {
        Ok(request)
    }
}

fn main() {}
