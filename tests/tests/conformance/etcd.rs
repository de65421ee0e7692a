//! The registry in etcd.

use std::sync::Arc;
use std::time::Duration;

use micro::conformance::registry::Ends;
use micro::registry::{EtcdRegistry, Options};
use tests::servers::{Etcd, Server};

use super::Rows;
use super::shared::on_one_server;

micro::inventory::submit! {
    Rows(|suite| {
        let row = on_one_server("etcd", Etcd::alone, ends);
        suite.registry(row.with_server(async || {
            let server = Server::start(Etcd::alone()).await;
            ends(&server).server(server)
        }))
    })
}

fn ends(server: &Server<Etcd>) -> Ends {
    let mut options = Options::default();
    options.addresses = vec![server.address()];
    options.namespace = micro::id::random();
    let registry = || Arc::new(EtcdRegistry::new(&options).unwrap());
    // Leases are of whole seconds, and end up to a second late.
    Ends::new(registry(), registry()).ttl(Duration::from_secs(6))
}
