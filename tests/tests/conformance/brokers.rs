//! Brokers that need no server.

use std::sync::Arc;

use micro::broker::{HttpBroker, MemoryBroker, Options};
use micro::conformance::Row;
use micro::conformance::broker::Ends;
use micro::registry::MemoryRegistry;

use super::Rows;

micro::inventory::submit! {
    Rows(|suite| {
        let suite = suite.broker(Row::new("memory", memory));
        suite.broker(Row::new("http", async || http()))
    })
}

async fn memory() -> Ends {
    // Nothing of it waits for another process.
    tokio::time::pause();
    let broker = MemoryBroker::new();
    Ends::new(Arc::new(broker.clone()), Arc::new(broker))
}

/// Two processes that find each other in one registry.
fn http() -> Ends {
    let mut options = Options::default();
    options.registry = Some(Arc::new(MemoryRegistry::new()));
    let broker = || Arc::new(HttpBroker::new(&options).unwrap());
    Ends::new(broker(), broker())
}
