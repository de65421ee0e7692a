#[micro::message]
enum Status {
    #[default]
    Open,
    Done,
    #[tag = 1]
    Closed,
}

fn main() {}
