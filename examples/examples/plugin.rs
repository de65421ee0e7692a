//! A registry from another crate: linked by one line, chosen by a flag.
//!
//! `plugin --registry=file --registry_address=FOLDER` finds services by files in a folder; see `file-registry`.

use file_registry as _;

pub struct Echo;

#[micro::service(name = "echo")]
impl Echo {
    /// Says it again.
    #[micro::handler]
    async fn say(&self, text: String) -> micro::Result<String> {
        Ok(text)
    }
}

#[micro::main]
async fn main(service: micro::Service) -> micro::Result<()> {
    let echo = EchoClient::new(&service);
    let running = service.handle(Echo).start().await?;
    println!("{}", echo.say("found".to_owned()).await?);
    running.stop().await;
    Ok(())
}
