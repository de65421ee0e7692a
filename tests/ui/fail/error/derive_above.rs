#[derive(Clone)]
#[micro::error]
enum Failure {
    Failed,
}

fn main() {}
