#[micro::function(name = "greeter")]
struct Greeter;

fn main() {}
