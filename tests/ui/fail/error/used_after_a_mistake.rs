#[micro::error]
enum Failure {
    #[error(code = 200)]
    Taken { by: String },
}

struct Greeter;

#[micro::service]
impl Greeter {
    #[micro::handler]
    async fn hello(&self, name: String) -> Result<String, Failure> {
        Err(Failure::Taken { by: name })
    }
}

fn main() {
    let error = micro::Error::from(Failure::Taken { by: String::new() });
    let _: Option<Failure> = error.typed();
    println!("{}", Failure::Taken { by: String::new() });
}
