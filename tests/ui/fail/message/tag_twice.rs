#[micro::message]
struct Hello {
    #[tag = 1]
    #[tag = 2]
    name: String,
}

fn main() {}
