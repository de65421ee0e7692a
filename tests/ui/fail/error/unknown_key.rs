#[micro::error]
enum Failure {
    #[error(status = 404)]
    Failed,
}

fn main() {}
