#[micro::message]
struct Hello {
    #[tag = "1"]
    name: String,
}

fn main() {}
