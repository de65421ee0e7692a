#[micro::message]
struct Text {
    text: String,
}

use micro::prelude::*;

struct Greeter;

#[micro::service]
impl Greeter {
    #[micro::handler]
    async fn hello(&self, request: Text, _ctx: &Context) -> micro::Result<Text> {
        Ok(request)
    }
}

fn main() {}
