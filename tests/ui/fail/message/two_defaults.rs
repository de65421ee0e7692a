#[micro::message]
enum Status {
    #[default]
    Open,
    #[default]
    Done,
}

fn main() {}
