#[micro::message]
struct Text {
    text: String,
}

struct Plain;

struct Greeter;

#[micro::service]
impl Greeter {
    #[micro::handler]
    async fn hello(&self, requests: micro::Streaming<Plain>) -> micro::Result<Text> {
        drop(requests);
        Ok(Text::default())
    }
}

fn main() {}
