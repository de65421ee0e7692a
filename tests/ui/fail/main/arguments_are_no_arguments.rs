struct Args;

#[micro::main]
async fn main(service: micro::Service, args: Args) -> micro::Result<()> {
    Ok(())
}
