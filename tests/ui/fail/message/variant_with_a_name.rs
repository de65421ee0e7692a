#[micro::message]
enum Status {
    #[default]
    Open,
    #[micro(name = "closed")]
    Done,
}

fn main() {}
