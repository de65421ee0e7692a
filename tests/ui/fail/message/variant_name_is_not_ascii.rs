#[micro::message]
enum Farbe {
    #[default]
    Weiß,
}

fn main() {
    let _ = Farbe::Weiß;
}
