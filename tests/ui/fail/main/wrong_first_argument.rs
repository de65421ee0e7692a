struct Args;

#[micro::main]
async fn main(args: Args) -> micro::Result<()> {
    Ok(())
}
