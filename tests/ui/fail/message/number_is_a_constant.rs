const DONE: isize = 3;

#[micro::message]
enum Status {
    #[default]
    Open,
    Done = DONE,
}

fn main() {}
