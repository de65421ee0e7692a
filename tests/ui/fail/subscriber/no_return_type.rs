#[micro::message]
struct Text {
    text: String,
}

struct Greeter;

#[micro::service]
impl Greeter {
    #[micro::subscriber(topic = "joined", broadcast)]
    async fn joined(&self, event: Text) {
        drop(event)
    }
}

fn main() {}
