#[micro::message]
struct Hello {
    größe: u32,
}

fn main() {}
