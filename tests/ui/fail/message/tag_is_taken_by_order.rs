#[micro::message]
struct Hello {
    #[tag = 2]
    name: String,
    #[tag = 1]
    greeting: String,
    times: u32,
}

fn main() {}
