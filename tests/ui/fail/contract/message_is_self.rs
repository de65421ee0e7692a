#[micro::message]
struct Text {
    text: String,
}

#[micro::service(name = "greeter")]
trait Greeter {
    #[micro::handler]
    async fn hello(&self, request: Self) -> micro::Result<Text>
    where
        Self: Sized;
}

fn main() {}
