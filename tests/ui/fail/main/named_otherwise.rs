#[micro::main]
async fn start(_service: micro::Service) -> micro::Result<()> {
    Ok(())
}
