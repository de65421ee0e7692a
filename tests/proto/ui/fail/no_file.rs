micro::proto!(name = "greeter");

fn main() {}
