#[micro::main]
async unsafe fn main() {}
