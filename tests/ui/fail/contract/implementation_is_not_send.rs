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
    async fn hello(&self, request: Text) -> micro::Result<Text> {
        let count = std::rc::Rc::new(1);
        std::future::ready(()).await;
        drop(count);
        Ok(request)
    }
}

fn main() {}
