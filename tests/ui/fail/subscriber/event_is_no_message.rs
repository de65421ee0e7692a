struct Plain;

struct Greeter;

#[micro::service]
impl Greeter {
    #[micro::subscriber(topic = "joined", broadcast)]
    async fn joined(&self, event: Plain) -> micro::Result<()> {
        drop(event);
        Ok(())
    }
}

fn main() {}
