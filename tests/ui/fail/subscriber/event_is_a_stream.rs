#[micro::message]
struct Text {
    text: String,
}

struct Greeter;

#[micro::service]
impl Greeter {
    #[micro::subscriber(topic = "joined", broadcast)]
    async fn joined(&self, event: micro::Streaming<Text>) -> micro::Result<()> {
        drop(event);
        Ok(())
    }
}

fn main() {}
