#[micro::message]
enum Status {
    Open,
    Done,
}

#[micro::message]
struct Order {
    status: Status,
}

fn main() {
    let _ = Order::default();
}
