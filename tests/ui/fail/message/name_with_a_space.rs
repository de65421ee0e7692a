#[micro::message]
struct Hello {
    #[micro(name = "user id")]
    user: u32,
}

fn main() {}
