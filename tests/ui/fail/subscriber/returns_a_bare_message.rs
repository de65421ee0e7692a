#[micro::message]
struct Text {
    text: String,
}

struct Chat;

#[micro::service]
impl Chat {
    #[micro::subscriber(topic = "joined", broadcast)]
    async fn joined(&self, event: Text) -> Text {
        event
    }
}

fn main() {}
