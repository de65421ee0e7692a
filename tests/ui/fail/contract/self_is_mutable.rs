#[micro::message]
struct Text {
    text: String,
}

#[micro::service(name = "greeter")]
trait Greeter {
    #[micro::handler]
    async fn hello(&mut self, request: Text) -> micro::Result<Text>;
}

fn main() {}
