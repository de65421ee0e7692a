struct Args;

#[micro::main]
async fn main(_service: micro::Service, _args: Args) -> micro::Result<()> {
    Ok(())
}
