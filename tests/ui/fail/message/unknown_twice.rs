#[micro::message]
enum Status {
    #[default]
    Open,
    #[micro(unknown)]
    Other(i32),
    #[micro(unknown)]
    Another(i32),
}

fn main() {}
