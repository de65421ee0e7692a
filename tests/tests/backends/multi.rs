//! Consul and etcd as one registry, of which one is stopped, emptied or hung.

use std::time::{Duration, Instant};

use micro::registry::{EtcdRegistry, MultiRegistry, Options, Registry};
use tests::servers::{Consul, Etcd, Server};

use crate::fleet::{Caller, greeter, wait_for};

/// The servers, and the registries on both.
struct Both {
    consul: Server<Consul>,
    etcd: Server<Etcd>,
}

impl Both {
    async fn start() -> Self {
        Self {
            consul: Server::start(Consul::alone()).await,
            etcd: Server::start(Etcd::alone()).await,
        }
    }

    fn registry(&self) -> MultiRegistry {
        let mut options = Options::default();
        options.addresses = vec![
            format!("etcd={}", self.etcd.address()),
            format!("consul={}", self.consul.address()),
        ];
        MultiRegistry::open(&options).unwrap()
    }

    fn etcd(&self) -> EtcdRegistry {
        let mut options = Options::default();
        options.addresses = vec![self.etcd.address()];
        EtcdRegistry::new(&options).unwrap()
    }
}

#[tokio::test]
async fn services_are_found_and_called_while_one_is_stopped_and_are_there_again_once_it_is_back() {
    let mut both = Both::start().await;
    let _one = greeter(both.registry()).await;
    let caller = Caller::new(both.registry()).await;
    caller.hello().await.unwrap();

    both.etcd.stop();
    let _other = greeter(both.registry()).await;
    let calls = caller.hello_for(Duration::from_secs(30)).await;
    wait_for(&both.registry(), 2).await;
    both.etcd.restart_empty().await;
    wait_for(&both.etcd(), 2).await;

    println!("{calls} calls while etcd was stopped for 30 s beside Consul: all answered");
    caller.hello().await.unwrap();
}

#[tokio::test]
async fn one_that_hangs_holds_up_neither_starts_nor_calls_for_long() {
    let both = Both::start().await;
    let _one = greeter(both.registry()).await;
    both.etcd.pause();
    let begun = Instant::now();

    let _other = greeter(both.registry()).await;
    let caller = Caller::new(both.registry()).await;
    caller.hello().await.unwrap();
    let took = begun.elapsed();

    both.etcd.resume();
    println!("a start and a first call took {took:.1?} while etcd hung beside Consul");
    assert!(took < Duration::from_secs(5), "{took:?}");
}

#[tokio::test]
async fn a_service_that_only_one_has_is_found() {
    let both = Both::start().await;

    let _greeter = greeter(both.etcd()).await;

    wait_for(&both.registry(), 1).await;
    let found = both.registry().list().await.unwrap();
    assert_eq!(found[0].name, "greeter");
}
