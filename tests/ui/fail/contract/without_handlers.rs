#[micro::message]
struct Text {
    text: String,
}

#[micro::service(name = "greeter")]
trait Greeter {
    async fn hello(&self, request: Text) -> micro::Result<Text>;
}

fn main() {}
