#[micro::main]
fn main(service: micro::Service) -> micro::Result<()> {
    Ok(())
}
