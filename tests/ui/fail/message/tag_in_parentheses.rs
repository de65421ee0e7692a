#[micro::message]
struct Hello {
    #[tag(2)]
    name: String,
}

fn main() {}
