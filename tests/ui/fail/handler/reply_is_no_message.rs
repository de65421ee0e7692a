#[micro::message]
struct Text {
    text: String,
}

struct Plain;

struct Greeter;

#[micro::service]
impl Greeter {
    #[micro::handler]
    async fn hello(&self, request: Text) -> micro::Result<Plain> {
        drop(request);
        Ok(Plain)
    }
}

fn main() {}
