#[micro::message]
#[repr(u8)]
enum Shape {
    Circle(f64) = 1,
    Square(f64),
}

fn main() {}
