use micro::clap;

#[derive(clap::Args)]
struct Args {}

#[micro::main]
async fn main(_service: micro::Service, _args: Args, _more: Args) -> micro::Result<()> {
    Ok(())
}
