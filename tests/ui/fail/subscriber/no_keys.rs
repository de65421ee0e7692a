#[micro::message]
struct Text {
    text: String,
}

struct Greeter;

#[micro::service]
impl Greeter {
    #[micro::subscriber]
    async fn joined(&self, event: Text) -> micro::Result<()> {
        drop(event);
        Ok(())
    }
}

fn main() {}
