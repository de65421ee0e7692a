trait Greet {
    async fn hello(&self, name: String) -> micro::Result<String>;
}

struct Greeter;

#[micro::service]
impl Greet for Greeter {
    #[micro::handler]
    async fn hello(&self, name: String) -> micro::Result<String> {
        Ok(name)
    }
}

fn main() {}
