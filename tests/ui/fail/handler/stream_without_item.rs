#[micro::message]
struct Text {
    text: String,
}

use micro::prelude::*;

struct Greeter;

#[micro::service]
impl Greeter {
    #[micro::handler]
    async fn hello(&self, request: Text) -> micro::Result<impl Stream> {
        Ok(stream::iter([request]))
    }
}

fn main() {}
