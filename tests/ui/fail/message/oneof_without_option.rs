#[micro::message]
enum Place {
    #[tag = 2]
    Table(u32),
}

#[micro::message]
struct Order {
    #[micro(oneof)]
    place: Place,
}

fn main() {}
