#[micro::main]
async fn main(_service: &micro::Service) -> micro::Result<()> {
    Ok(())
}
