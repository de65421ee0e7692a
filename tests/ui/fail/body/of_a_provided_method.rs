#[micro::service]
trait Greeter {
    #[micro::handler]
    async fn hello(&self, name: String) -> micro::Result<String> {
        let reply = ;
        Ok(reply)
    }
}

struct English;

impl Greeter for English {}

fn main() {
    drop(GreeterClient::local(English).hello(String::new()));
}
