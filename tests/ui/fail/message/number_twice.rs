#[micro::message]
enum Status {
    #[default]
    Open,
    #[tag = 3]
    Done = 3,
}

fn main() {}
