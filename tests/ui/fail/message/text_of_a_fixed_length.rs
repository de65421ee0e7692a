#[micro::message]
struct Order {
    #[micro(fixed)]
    name: String,
}

fn main() {}
