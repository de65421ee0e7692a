#[micro::message]
fn hello() {}

fn main() {}
