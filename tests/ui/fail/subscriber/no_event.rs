struct Greeter;

#[micro::service]
impl Greeter {
    #[micro::subscriber(topic = "joined", broadcast)]
    async fn joined(&self) -> micro::Result<()> {
        Ok(())
    }
}

fn main() {}
