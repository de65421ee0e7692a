#[micro::error]
enum Failure {
    #[error(detail = "{by has it")]
    Taken { by: String },
}

fn main() {}
