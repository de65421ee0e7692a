//! The registry in Consul.

use std::sync::Arc;

use micro::conformance::registry::Ends;
use micro::registry::{ConsulRegistry, Options};
use tests::servers::{Consul, Server};

use super::Rows;
use super::shared::on_one_server;

micro::inventory::submit! {
    Rows(|suite| {
        let row = on_one_server("consul", Consul::alone, ends);
        suite.registry(row.with_server(async || {
            let server = Server::start(Consul::alone()).await;
            ends(&server).server(server)
        }))
    })
}

fn ends(server: &Server<Consul>) -> Ends {
    let mut options = Options::default();
    options.addresses = vec![server.address()];
    options.namespace = micro::id::random();
    let registry = || Arc::new(ConsulRegistry::new(&options).unwrap());
    Ends::new(registry(), registry())
}
