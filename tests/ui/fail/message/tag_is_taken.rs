#[micro::message]
struct Hello {
    name: String,
    greeting: String,
    #[tag = 2]
    times: u32,
}

fn main() {}
