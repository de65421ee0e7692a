#[micro::message]
struct Matrix {
    rows: Vec<Vec<f64>>,
}

fn main() {}
