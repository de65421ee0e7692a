#[micro::error]
enum Failure {
    #[error(code = 404)]
    #[error(detail = "no such room")]
    Failed,
}

fn main() {}
