#[micro::error]
enum Failure {
    #[error(code = 200)]
    Failed,
}

fn main() {}
