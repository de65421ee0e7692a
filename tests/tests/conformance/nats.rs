//! The brokers on NATS.

use std::sync::Arc;

use micro::broker::{Broker, JetStreamBroker, NatsBroker, Options};
use micro::conformance::broker::Ends;
use tests::servers::{Nats, Server};

use super::Rows;
use super::shared::on_one_server;

micro::inventory::submit! {
    Rows(|suite| {
        let nats = on_one_server("nats", Nats::alone, nats).with_server(async || {
            let server = Server::start(Nats::alone()).await;
            nats(&server).server(server)
        });
        let jetstream = on_one_server("jetstream", Nats::alone, jetstream).with_server(async || {
            let server = Server::start(Nats::alone()).await;
            jetstream(&server).server(server)
        });
        suite.broker(nats).broker(jetstream)
    })
}

fn nats(server: &Server<Nats>) -> Ends {
    ends(server, NatsBroker::new)
}

fn jetstream(server: &Server<Nats>) -> Ends {
    ends(server, JetStreamBroker::new)
}

fn ends<B: Broker + 'static>(
    server: &Server<Nats>,
    open: fn(&Options) -> micro::Result<B>,
) -> Ends {
    let mut options = Options::default();
    options.addresses = vec![server.address()];
    let broker = || Arc::new(open(&options).unwrap());
    Ends::new(broker(), broker())
}
