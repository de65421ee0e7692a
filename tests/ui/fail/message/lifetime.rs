#[micro::message]
struct Hello<'a> {
    name: &'a str,
}

fn main() {}
