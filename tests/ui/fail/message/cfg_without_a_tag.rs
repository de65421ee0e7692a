#[micro::message]
struct Hello {
    #[cfg(unix)]
    name: String,
    greeting: String,
}

fn main() {}
