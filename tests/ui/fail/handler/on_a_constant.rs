struct Greeter;

#[micro::service]
impl Greeter {
    #[micro::handler]
    const HELLO: u8 = 1;
}

fn main() {}
