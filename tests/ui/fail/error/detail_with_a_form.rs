#[micro::error]
enum Failure {
    #[error(detail = "{by:>8} has it")]
    Taken { by: String },
}

fn main() {}
