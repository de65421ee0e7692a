#[micro::handler]
struct Greeter;

fn main() {}
