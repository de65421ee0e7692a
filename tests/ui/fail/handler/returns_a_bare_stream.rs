#[micro::message]
struct Text {
    text: String,
}

use micro::prelude::*;

struct Greeter;

#[micro::service]
impl Greeter {
    #[micro::handler]
    async fn hello(&self, request: Text) -> impl Stream<Item = micro::Result<Text>> {
        stream::iter([Ok(request)])
    }
}

fn main() {}
