#[micro::main(flavor = "current_thread")]
async fn main(_service: micro::Service) -> micro::Result<()> {
    Ok(())
}
