//! Hedging: a second node is asked when the first takes its time, and the slow one is told to stop.

use std::sync::Arc;

use micro::prelude::*;
use micro::registry::MemoryRegistry;
use micro::selector::RoundRobinSelector;
use micro::tokio::sync::Notify;

/// A node that answers at once, or never.
struct Node {
    name: &'static str,
    is_slow: bool,
    dropped: Arc<Notify>,
}

/// Says that the handler was dropped.
struct Dropped(Arc<Notify>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

#[micro::service(name = "hedging", endpoint = "Node")]
impl Node {
    /// Says which node this is; looking twice does no harm.
    #[micro::handler(idempotent)]
    async fn who(&self, _question: String) -> micro::Result<String> {
        if self.is_slow {
            let _dropped = Dropped(Arc::clone(&self.dropped));
            std::future::pending::<()>().await;
        }
        Ok(self.name.to_owned())
    }

    /// Counts a visit: two of them would be one too many.
    #[micro::handler]
    async fn visit(&self, _question: String) -> micro::Result<String> {
        if self.is_slow {
            micro::tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(self.name.to_owned())
    }
}

#[micro::main]
async fn main() -> micro::Result<()> {
    // All in one process, so that this program needs no other.
    let registry = MemoryRegistry::new();
    let builder = || micro::Service::builder("hedging").registry(registry.clone());
    let dropped = Arc::new(Notify::new());
    let mut running = Vec::new();
    for (name, is_slow) in [("slow", true), ("swift", false)] {
        let service = builder().id(name).linger(Duration::ZERO).build().await?;
        let dropped = Arc::clone(&dropped);
        let node = Node {
            name,
            is_slow,
            dropped,
        };
        running.push(service.handle(node).start().await?);
    }

    // One after the other, the slow one first, so that this program prints the same each time.
    let service = builder().selector(RoundRobinSelector).metrics();
    let service = service.build().await?;
    let nodes = NodeClient::new(&service);
    let delay = Duration::from_millis(10);
    println!("who: {}", nodes.who("who?".to_owned()).hedge(delay).await?);
    dropped.notified().await;
    println!("the slow handler was cancelled");

    // A method that is not idempotent runs once, however long it takes; the nodes take turns.
    let mut visited = Vec::new();
    for _ in 0..2 {
        visited.push(nodes.visit("hello".to_owned()).hedge(delay).await?);
    }
    visited.sort();
    println!("visited: {}", visited.join(", "));

    let series = service.metrics().map(|metrics| metrics.snapshot().client);
    for series in series.into_iter().flatten() {
        println!("{}: {} hedged", series.endpoint, series.hedged);
    }

    for node in running {
        node.stop().await;
    }
    Ok(())
}
