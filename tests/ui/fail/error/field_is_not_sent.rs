#[derive(Debug, Clone, PartialEq)]
struct Plain;

#[micro::error]
enum Failure {
    Taken { by: Plain },
}

fn main() {}
