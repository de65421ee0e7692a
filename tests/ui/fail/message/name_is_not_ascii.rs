#[micro::message]
struct Hello {
    größe: u32,
    #[micro(name = "user id")]
    user: u32,
}

fn main() {}
