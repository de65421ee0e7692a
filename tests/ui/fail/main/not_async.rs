#[micro::main]
fn main(_service: micro::Service) -> micro::Result<()> {
    Ok(())
}
