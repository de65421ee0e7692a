#[micro::error]
pub struct Failure;

fn main() {}
