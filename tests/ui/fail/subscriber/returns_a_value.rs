#[micro::message]
struct Text {
    text: String,
}

struct Greeter;

#[micro::service]
impl Greeter {
    #[micro::subscriber(topic = "joined", broadcast)]
    async fn joined(&self, event: Text) -> micro::Result<Text> {
        Ok(event)
    }
}

fn main() {}
