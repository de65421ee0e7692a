//! The service that peers in other languages call: prints its address, and ends when its input does.

use std::io::Read;

use tests::greeter::Greeter;

#[micro::main]
async fn main(service: micro::Service) -> micro::Result<()> {
    let running = service.handle(Greeter).start().await?;
    println!("{}", running.address());
    let ended = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
    // However it ended: nobody is there any more.
    let _ = ended.await;
    running.stop().await;
    Ok(())
}
