#[micro::message]
struct Hello {
    #[tag = "1"]
    name: String,
    #[tag(2)]
    greeting: String,
}

fn main() {}
