#[micro::error]
enum Failure<T> {
    Failed(T),
}

fn main() {}
