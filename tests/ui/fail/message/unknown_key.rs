#[micro::message(plan)]
struct Hello {
    #[micro(nam = "x")]
    name: String,
}

fn main() {}
