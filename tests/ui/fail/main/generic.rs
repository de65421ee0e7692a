#[micro::main]
async fn main<T>(_service: micro::Service) -> micro::Result<()> {
    Ok(())
}
