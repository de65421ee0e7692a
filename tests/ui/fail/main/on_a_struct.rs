#[micro::main]
struct Program;

fn main() {}
