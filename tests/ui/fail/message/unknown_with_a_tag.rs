#[micro::message]
enum Status {
    #[default]
    Open,
    #[tag = 9]
    #[micro(unknown)]
    Other(i32),
}

fn main() {}
