#[micro::main(flavor = "current_thread")]
async fn main(service: micro::Service) -> micro::Result<()> {
    Ok(())
}
