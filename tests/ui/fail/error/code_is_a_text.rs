#[micro::error]
enum Failure {
    #[error(code = "404")]
    Failed,
}

fn main() {}
