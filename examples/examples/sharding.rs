//! The same key goes to the same node, so that a node can keep in memory what belongs to its keys.

use std::collections::HashMap;
use std::sync::Mutex;

use micro::prelude::*;
use micro::registry::MemoryRegistry;

/// Counts the visits of the users that it is asked for.
struct Counter {
    name: &'static str,
    visits: Mutex<HashMap<String, u32>>,
}

#[micro::service(name = "sharding")]
impl Counter {
    /// Counts one more visit of that user.
    #[micro::handler]
    async fn visit(&self, user: String) -> micro::Result<String> {
        let mut visits = self.visits.lock().unwrap();
        let visit = visits.entry(user).or_default();
        *visit += 1;
        Ok(format!("visit {visit}, counted by {}", self.name))
    }
}

#[micro::main]
async fn main() -> micro::Result<()> {
    // All in one process, so that this program needs no other.
    let registry = MemoryRegistry::new();
    let builder = || micro::Service::builder("sharding").registry(registry.clone());
    let mut running = Vec::new();
    for name in ["a", "b", "c"] {
        let visits = Mutex::default();
        let service = builder().id(name).linger(Duration::ZERO).build().await?;
        let counter = Counter { name, visits };
        running.push(service.handle(counter).start().await?);
    }

    let counter = CounterClient::new(&builder().build().await?);
    for user in ["ann", "cleo", "kim", "ann", "cleo", "kim"] {
        let visit = counter.visit(user.to_owned()).shard_key(user).await?;
        println!("{user}: {visit}");
    }

    for node in running {
        node.stop().await;
    }
    Ok(())
}
