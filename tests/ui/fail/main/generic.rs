#[micro::main]
async fn main<T>(service: micro::Service) -> micro::Result<()> {
    Ok(())
}
