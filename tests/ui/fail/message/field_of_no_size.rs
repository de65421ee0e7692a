#[micro::message]
struct Hello {
    times: usize,
}

fn main() {}
