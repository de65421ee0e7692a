#[micro::message]
struct Text {
    text: String,
}

struct Greeter {
    text: Text,
}

#[micro::service]
impl Greeter {
    #[micro::handler]
    async fn hello(&self, _request: Text) -> micro::Result<&Text> {
        Ok(&self.text)
    }
}

fn main() {}
