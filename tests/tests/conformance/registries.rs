//! Registries that need no server.

use std::sync::Arc;

use file_registry::FileRegistry;
use micro::conformance::Row;
use micro::conformance::registry::Ends;
use micro::registry::{
    MdnsGoRegistry, MdnsRegistry, MemoryRegistry, MultiRegistry, Options, Registry, StaticRegistry,
};

use super::Rows;

micro::inventory::submit! {
    Rows(|suite| {
        let suite = suite.registry(Row::new("memory", memory));
        let suite = suite.registry(Row::new("mdns", async || mdns()));
        let suite = suite.registry(Row::new("mdns-go", async || mdns_go()));
        let suite = suite.registry(Row::new("multi", two));
        let suite = suite.registry(Row::new("static", async || written_down()));
        suite.registry(Row::new("file", async || files()))
    })
}

async fn memory() -> Ends {
    // Nothing of it waits for another process.
    tokio::time::pause();
    let registry = MemoryRegistry::new();
    Ends::new(Arc::new(registry.clone()), Arc::new(registry))
}

/// A fleet of its own.
fn options() -> Options {
    let mut options = Options::default();
    options.namespace = micro::id::random();
    options
}

fn mdns() -> Ends {
    let options = options();
    let registry = || Arc::new(MdnsRegistry::new(&options).unwrap());
    Ends::new(registry(), registry())
}

fn mdns_go() -> Ends {
    let options = options();
    let registry = || Arc::new(MdnsGoRegistry::new(&options).unwrap());
    Ends::new(registry(), registry())
}

/// Of which each has a server that all can reach.
async fn two() -> Ends {
    tokio::time::pause();
    let (one, other) = (MemoryRegistry::new(), MemoryRegistry::new());
    let registry = || {
        let both: [Arc<dyn Registry>; 2] = [Arc::new(one.clone()), Arc::new(other.clone())];
        Arc::new(MultiRegistry::new(both))
    };
    Ends::new(registry(), registry())
}

fn written_down() -> Ends {
    let registry = || Arc::new(StaticRegistry::new(&Options::default()).unwrap());
    Ends::new(registry(), registry())
}

/// The registry of the example of a plugin.
fn files() -> Ends {
    let folder = tempfile::tempdir().unwrap();
    let registry = || Arc::new(FileRegistry::new(folder.path()));
    Ends::new(registry(), registry()).keeping(folder)
}
