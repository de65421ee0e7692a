#[micro::message]
enum Status {
    #[default]
    Open,
    #[tag = 3000000000]
    Done,
}

fn main() {}
