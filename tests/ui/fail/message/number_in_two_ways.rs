#[micro::message]
struct Order {
    #[micro(sint, fixed)]
    number: i32,
}

fn main() {}
