#[micro::message]
enum Place {
    #[tag = 2]
    Table(u32),
}

#[micro::message]
struct Order {
    name: String,
    #[micro(oneof)]
    place: Option<Place>,
}

fn main() {}
