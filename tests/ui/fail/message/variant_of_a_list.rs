#[micro::message]
enum Content {
    Lines(Vec<String>),
    Text(String),
}

fn main() {}
