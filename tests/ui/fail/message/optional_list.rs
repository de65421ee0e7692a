#[micro::message]
struct Hello {
    names: Option<Vec<String>>,
}

fn main() {}
