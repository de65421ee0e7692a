#[micro::message]
struct Text {
    text: String,
}

#[micro::service(name = "greeter")]
trait Greeter {
    type Reply;

    #[micro::handler]
    async fn hello(&self, request: Text) -> micro::Result<Self::Reply>;
}

fn main() {}
