//! The registry in DNS, where nothing is announced.

use std::sync::Arc;

use micro::conformance::registry::Ends;
use micro::registry::{DnsRegistry, Options};
use tests::servers::{Dns, Server};

use super::Rows;
use super::shared::on_one_server;

micro::inventory::submit! {
    Rows(|suite| {
        let row = on_one_server("dns", Dns::empty, ends);
        suite.registry(row.with_server(async || {
            let server = Server::start(Dns::empty()).await;
            ends(&server).server(server)
        }))
    })
}

fn ends(server: &Server<Dns>) -> Ends {
    let mut options = Options::default();
    options.addresses = vec![format!("dns://{}/fleet.example", server.address())];
    let registry = || Arc::new(DnsRegistry::new(&options).unwrap());
    Ends::new(registry(), registry())
}
