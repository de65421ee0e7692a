trait Greet {}

#[micro::service]
impl dyn Greet {
    #[micro::handler]
    async fn hello(&self, name: String) -> micro::Result<String> {
        Ok(name)
    }
}

fn main() {}
