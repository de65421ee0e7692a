struct Args;

#[micro::main]
async fn main(_args: Args) -> micro::Result<()> {
    Ok(())
}
