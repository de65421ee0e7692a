#[micro::error]
enum Failure {
    #[error("no such room")]
    Failed,
}

fn main() {}
