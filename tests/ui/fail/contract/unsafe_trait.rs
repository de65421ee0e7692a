#[micro::message]
struct Text {
    text: String,
}

#[micro::service(name = "greeter")]
unsafe trait Greeter {
    #[micro::handler]
    async fn hello(&self, request: Text) -> micro::Result<Text>;
}

fn main() {}
