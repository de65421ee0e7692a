#[micro::message]
struct Tree {
    left: Box<Tree>,
    right: Option<Box<Self>>,
}

fn main() {}
