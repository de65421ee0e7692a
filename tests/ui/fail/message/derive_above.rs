#[derive(Debug)]
#[micro::message]
struct Hello {
    name: String,
}

fn main() {}
