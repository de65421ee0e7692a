#[micro::message]
struct Hello {
    #[tag = 19500]
    name: String,
}

fn main() {}
