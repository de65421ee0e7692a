//! Calls that only some nodes may answer: those of a version, of a zone, or that meet any condition.

use micro::prelude::*;
use micro::registry::{Candidate, MemoryRegistry};
use micro::selector;

struct Node(&'static str);

#[micro::service(name = "filter")]
impl Node {
    /// Says which node this is.
    #[micro::handler]
    async fn who(&self, _question: String) -> micro::Result<String> {
        Ok(self.0.to_owned())
    }
}

#[micro::main]
async fn main() -> micro::Result<()> {
    // All in one process, so that this program needs no other.
    let registry = MemoryRegistry::new();
    let builder = || micro::Service::builder("filter").registry(registry.clone());
    let mut running = Vec::new();
    for (name, version, zone) in [
        ("a", "1.0.0", "eu-1"),
        ("b", "1.0.0", "us-1"),
        ("c", "2.0.0", "us-1"),
    ] {
        let builder = builder().id(name).version(version).metadata("zone", zone);
        let service = builder.linger(Duration::ZERO).build().await?;
        running.push(service.handle(Node(name)).start().await?);
    }

    let nodes = NodeClient::new(&builder().build().await?);
    let who = || nodes.who("who?".to_owned());
    println!("zone: {}", who().filter(selector::zone("eu-1")).await?);
    println!(
        "version: {}",
        who().filter(selector::version("2.0.0")).await?
    );
    // Several must all hold.
    let both = who()
        .filter(selector::zone("us-1"))
        .filter(selector::version("1.0.0"));
    println!("both: {}", both.await?);
    let not_busy = |node: &Candidate| node.in_flight() < 10 && node.node.id.ends_with("-b");
    println!("any: {}", who().filter(not_busy).await?);
    println!(
        "none: {}",
        who().filter(selector::zone("mars")).await.unwrap_err()
    );

    for node in running {
        node.stop().await;
    }
    Ok(())
}
