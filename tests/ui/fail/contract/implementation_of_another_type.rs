#[micro::message]
struct Text {
    text: String,
}

#[micro::service(name = "greeter")]
trait Greeter {
    #[micro::handler]
    async fn hello(&self, request: Text) -> micro::Result<Text>;
}

struct Mine;

impl Greeter for Mine {
    async fn hello(&self, request: Text) -> micro::Result<String> {
        Ok(request.text)
    }
}

fn main() {}
