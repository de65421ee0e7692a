#[micro::message]
enum Never {}

fn main() {}
