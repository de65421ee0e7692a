#[micro::error]
#[derive(Debug, Error)]
enum Failure {
    Failed,
}

fn main() {}
