#[micro::error]
enum Failure {
    #[error(detail = "{by} has it")]
    Taken { by: Vec<u8> },
}

fn main() {}
