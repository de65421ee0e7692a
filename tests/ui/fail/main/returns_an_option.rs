#[micro::main]
async fn main() -> Option<()> {
    None
}
