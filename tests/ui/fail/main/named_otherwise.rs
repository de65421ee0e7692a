#[micro::main]
async fn start(service: micro::Service) -> micro::Result<()> {
    Ok(())
}
