#[micro::message]
enum Shape {
    Circle(f64),
    Line(f64, f64),
}

fn main() {}
