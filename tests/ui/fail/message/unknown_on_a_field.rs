#[micro::message]
struct Hello {
    #[micro(unknown)]
    name: String,
}

fn main() {}
