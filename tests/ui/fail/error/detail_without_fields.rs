#[micro::error]
enum Failure {
    #[error(detail = "{0} has it")]
    Failed,
}

fn main() {}
