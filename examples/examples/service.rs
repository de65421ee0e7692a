//! A service with flags of its own: `--run_client` calls it in place of serving it.

use micro::clap;

#[micro::message]
pub struct HelloRequest {
    pub name: String,
}

#[micro::message]
pub struct HelloResponse {
    pub greeting: String,
}

pub struct Greeter {
    word: String,
}

#[micro::service(name = "service")]
impl Greeter {
    #[micro::handler]
    async fn hello(&self, request: HelloRequest) -> micro::Result<HelloResponse> {
        Ok(HelloResponse {
            greeting: format!("{} {}", self.word, request.name),
        })
    }
}

/// The program's own flags; they stand beside micro's in `--help`.
#[derive(clap::Args)]
struct Args {
    /// Call the service in place of serving it
    #[arg(long = "run_client")]
    run_client: bool,
    /// The word to greet with
    #[arg(long, default_value = "Hello")]
    word: String,
}

#[micro::main]
async fn main(service: micro::Service, args: Args) -> micro::Result<()> {
    if args.run_client {
        let greeter = GreeterClient::new(&service);
        println!(
            "{}",
            greeter
                .hello(HelloRequest {
                    name: "John".into()
                })
                .await?
                .greeting
        );
        return Ok(());
    }
    service.handle(Greeter { word: args.word }).run().await
}
