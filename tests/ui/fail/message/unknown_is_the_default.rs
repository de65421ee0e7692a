#[micro::message]
enum Status {
    Open,
    #[default]
    #[micro(unknown)]
    Other(i32),
}

fn main() {}
