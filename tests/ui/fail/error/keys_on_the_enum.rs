#[micro::error(code = 404)]
enum Failure {
    Failed,
}

fn main() {}
