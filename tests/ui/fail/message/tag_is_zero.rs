#[micro::message]
struct Hello {
    #[tag = 0]
    name: String,
}

fn main() {}
