#[micro::error]
enum Failure {}

fn main() {}
