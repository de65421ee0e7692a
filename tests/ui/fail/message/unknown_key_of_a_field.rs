#[micro::message]
struct Hello {
    #[micro(nam = "x")]
    name: String,
}

fn main() {}
