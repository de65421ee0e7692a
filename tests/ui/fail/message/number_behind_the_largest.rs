#[micro::message]
enum Status {
    #[default]
    Open,
    Last = 2147483647,
    Done,
}

fn main() {}
