#[micro::error]
enum Failure {
    #[error(detail = "{who} has it")]
    Taken { by: String },
}

fn main() {}
