use micro::clap;

#[derive(clap::Args)]
struct Args {}

#[micro::main]
async fn main(service: micro::Service, args: Args, more: Args) -> micro::Result<()> {
    Ok(())
}
