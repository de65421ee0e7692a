#[micro::message]
struct Hello {
    #[default]
    name: String,
}

fn main() {}
