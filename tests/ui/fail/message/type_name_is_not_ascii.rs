#[micro::message]
struct Größe {
    value: u32,
}

fn main() {
    let _ = Größe { value: 1 };
}
