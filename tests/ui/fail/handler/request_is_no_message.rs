#[micro::message]
struct Text {
    text: String,
}

struct Plain;

struct Greeter;

#[micro::service]
impl Greeter {
    #[micro::handler]
    async fn hello(&self, request: Plain) -> micro::Result<Text> {
        drop(request);
        Ok(Text::default())
    }
}

fn main() {}
