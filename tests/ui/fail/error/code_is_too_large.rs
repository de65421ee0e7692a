#[micro::error]
enum Failure {
    #[error(code = 70000)]
    Failed,
}

fn main() {}
