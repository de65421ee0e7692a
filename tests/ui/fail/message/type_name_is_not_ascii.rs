#[micro::message]
struct Größe {
    value: u32,
}

#[micro::message]
enum Farbe {
    #[default]
    Weiß,
}

fn main() {
    let _ = (Größe { value: 1 }, Farbe::Weiß);
}
