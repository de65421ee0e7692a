#[micro::message]
struct Text {
    text: String,
}

use micro::prelude::*;

type Texts = std::pin::Pin<Box<dyn Stream<Item = micro::Result<Text>> + Send>>;

struct Greeter;

#[micro::service]
impl Greeter {
    #[micro::handler]
    async fn hello(&self, request: Text) -> micro::Result<Texts> {
        Ok(Box::pin(stream::iter([Ok(request)])))
    }
}

fn main() {}
