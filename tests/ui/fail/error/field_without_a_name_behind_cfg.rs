#[micro::error]
enum Failure {
    Taken(#[cfg(unix)] String),
}

fn main() {}
