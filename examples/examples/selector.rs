//! A selector of the program's own: it fills one node before it uses the next, so that the others may sleep.

use std::sync::Arc;

use micro::prelude::*;
use micro::registry::{Candidate, MemoryRegistry, Snapshot};
use micro::selector::Selector;

#[derive(Debug)]
struct FirstFree {
    /// How many calls a node may have under way before the next is used.
    most: u32,
}

impl Selector for FirstFree {
    fn select<'a>(
        &self,
        snapshot: &'a Snapshot,
        allowed: &dyn Fn(&Candidate) -> bool,
    ) -> Option<&'a Arc<Candidate>> {
        let nodes = || snapshot.candidates.iter().filter(|node| allowed(node));
        let free = nodes().find(|node| node.in_flight() < self.most);
        free.or_else(|| nodes().min_by_key(|node| node.in_flight()))
    }

    fn name(&self) -> &'static str {
        "first-free"
    }
}

// Lets this program, and every one that links it, be started with `--selector=first-free`.
micro::inventory::submit! {
    micro::selector::Backend { names: &["first-free"], open: || Arc::new(FirstFree { most: 2 }) }
}

struct Node(&'static str);

#[micro::service(name = "selector")]
impl Node {
    /// Says which node this is, in its own good time.
    #[micro::handler]
    async fn who(&self, _question: String) -> micro::Result<String> {
        tokio::time::sleep(Duration::from_millis(100)).await;
        Ok(self.0.to_owned())
    }
}

#[micro::main]
async fn main() -> micro::Result<()> {
    // All in one process, so that this program needs no other.
    let registry = MemoryRegistry::new();
    let builder = || micro::Service::builder("selector").registry(registry.clone());
    let mut running = Vec::new();
    for name in ["a", "b"] {
        let service = builder().id(name).linger(Duration::ZERO).build().await?;
        running.push(service.handle(Node(name)).start().await?);
    }

    let service = builder().selector(FirstFree { most: 2 }).build().await?;
    let nodes = NodeClient::new(&service);
    let who = || nodes.who("who?".to_owned()).into_future();
    let (one, two, three) = tokio::try_join!(who(), who(), who())?;
    let mut answers = [one, two, three];
    answers.sort();
    println!("{}", answers.join(" "));

    for node in running {
        node.stop().await;
    }
    Ok(())
}
