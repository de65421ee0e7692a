#[micro::message]
enum Status {
    Open,
    #[default]
    Done,
}

fn main() {}
