#[micro::message(plan)]
struct Hello {
    name: String,
}

fn main() {}
