#[micro::message]
struct Hello {
    #[tag = 536870912]
    name: String,
}

fn main() {}
