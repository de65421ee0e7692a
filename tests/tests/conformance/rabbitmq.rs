//! The broker on RabbitMQ.

use std::sync::Arc;

use micro::broker::{Options, RabbitMqBroker};
use micro::conformance::broker::Ends;
use tests::servers::{RabbitMq, Server};

use super::Rows;
use super::shared::on_one_server;

micro::inventory::submit! {
    Rows(|suite| {
        let row = on_one_server("rabbitmq", RabbitMq::alone, ends);
        suite.broker(row.with_server(async || {
            let server = Server::start(RabbitMq::alone()).await;
            ends(&server).server(server)
        }))
    })
}

fn ends(server: &Server<RabbitMq>) -> Ends {
    let mut options = Options::default();
    options.addresses = vec![server.address()];
    let broker = || Arc::new(RabbitMqBroker::new(&options).unwrap());
    Ends::new(broker(), broker())
}
