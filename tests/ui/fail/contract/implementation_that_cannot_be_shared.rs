#[micro::message]
struct Text {
    text: String,
}

#[micro::service(name = "greeter")]
trait Greeter {
    #[micro::handler]
    async fn hello(&self, request: Text) -> micro::Result<Text>;
}

struct Mine(std::cell::Cell<u8>);

impl Greeter for Mine {
    async fn hello(&self, request: Text) -> micro::Result<Text> {
        Ok(request)
    }
}

fn main() {}
