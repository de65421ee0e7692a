//! One node after the other: a selector that is chosen by name, which `--selector=roundrobin` does as well.

use micro::prelude::*;
use micro::registry::MemoryRegistry;
use micro::selector::RoundRobinSelector;

struct Node(&'static str);

#[micro::service(name = "roundrobin")]
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
    let builder = || micro::Service::builder("roundrobin").registry(registry.clone());
    let mut running = Vec::new();
    for name in ["a", "b", "c"] {
        let service = builder().id(name).linger(Duration::ZERO).build().await?;
        running.push(service.handle(Node(name)).start().await?);
    }

    let service = builder().selector(RoundRobinSelector).build().await?;
    let nodes = NodeClient::new(&service);
    for _ in 0..6 {
        println!("{}", nodes.who("who?".to_owned()).await?);
    }

    for node in running {
        node.stop().await;
    }
    Ok(())
}
