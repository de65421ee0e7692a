#[micro::message]
struct Text {
    text: String,
}

#[micro::service(name = "greeter")]
trait Greeter {
    #[micro::handler]
    fn hello(&self, request: Text) -> micro::Result<Text>;
}

fn main() {}
