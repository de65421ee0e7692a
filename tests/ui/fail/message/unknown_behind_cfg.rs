#[micro::message]
enum Status {
    #[default]
    Open,
    #[cfg(unix)]
    #[micro(unknown)]
    Other(i32),
}

fn main() {}
