#[micro::message]
enum Status {
    #[default]
    Open,
    #[micro(unknown)]
    Other,
}

fn main() {}
