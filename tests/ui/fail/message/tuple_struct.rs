#[micro::message]
struct Point(f64, f64);

fn main() {
}
