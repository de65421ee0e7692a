#[micro::message]
struct Text {
    text: String,
}

use micro::prelude::*;

struct Greeter;

#[micro::service]
impl Greeter {
    #[micro::handler]
    async fn hello(&self, request: Text) -> micro::Result<impl Stream<Item = Text>> {
        Ok(stream::iter([request]))
    }
}

fn main() {}
