//! Registries on servers of their own.

use std::sync::Arc;
use std::time::Duration;

use micro::registry::{ConsulRegistry, EtcdRegistry, Options};
use tests::servers::{Consul, Etcd, Server};

use super::{Pair, TTL};

impl Pair {
    pub async fn consul() -> (Self, Server<Consul>) {
        let server = Server::start(Consul::alone()).await;
        let mut options = Options::default();
        options.addresses = vec![server.address()];
        let registry = || Arc::new(ConsulRegistry::new(&options).unwrap());
        let pair = Self {
            here: registry(),
            there: registry(),
            ttl: TTL,
        };
        (pair, server)
    }

    pub async fn etcd() -> (Self, Server<Etcd>) {
        let server = Server::start(Etcd::alone()).await;
        let mut options = Options::default();
        options.addresses = vec![server.address()];
        let registry = || Arc::new(EtcdRegistry::new(&options).unwrap());
        let pair = Self {
            here: registry(),
            there: registry(),
            // Leases are of whole seconds, and end up to a second late.
            ttl: Duration::from_secs(6),
        };
        (pair, server)
    }
}
