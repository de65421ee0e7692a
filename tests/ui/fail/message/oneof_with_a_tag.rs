#[micro::message]
enum Place {
    Table(u32),
}

#[micro::message]
struct Order {
    #[tag = 2]
    #[micro(oneof)]
    place: Option<Place>,
}

fn main() {}
