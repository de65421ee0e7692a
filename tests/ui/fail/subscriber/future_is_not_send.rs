#[micro::message]
struct Text {
    text: String,
}

struct Greeter;

#[micro::service]
impl Greeter {
    #[micro::subscriber(topic = "joined", broadcast)]
    async fn joined(&self, event: Text) -> micro::Result<()> {
        let count = std::rc::Rc::new(1);
        std::future::ready(event).await;
        drop(count);
        Ok(())
    }
}

fn main() {}
