#[micro::message(plan)]
struct Hello {
    #[tag = 0]
    name: String,
    #[tag = "2"]
    greeting: String,
    #[cfg(unix)]
    times: u32,
}

#[micro::service]
impl Greeter {
    #[micro::handler]
    async fn hello(&self, request: Hello) -> micro::Result<Hello> {
        Ok(request)
    }
}

struct Greeter;

fn main() {}
