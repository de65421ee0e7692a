#[micro::main]
async extern "C" fn main() {}
