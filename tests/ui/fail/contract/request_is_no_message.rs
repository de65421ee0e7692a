#[micro::message]
struct Text {
    text: String,
}

struct Plain;

#[micro::service(name = "greeter")]
trait Greeter {
    #[micro::handler]
    async fn hello(&self, request: Plain) -> micro::Result<Text>;
}

fn main() {}
