//! What every registry on a server of its own keeps, whatever becomes of the server.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::stream::{self, StreamExt as _};
use micro::registry::{Cache, ConsulRegistry, EtcdRegistry, Options, Registry};
use tests::servers::{Consul, Etcd, Kind, Server};

use crate::fleet::{self, Caller, HEARTBEAT, SOON, greeter, record, wait_for};

/// A kind of server, and the registry on it.
trait Backend: Kind + Sized {
    const NAME: &'static str;

    /// How soon a change of one service among a thousand is seen.
    const SEEN: Duration;

    type Registry: Registry + 'static;

    fn alone() -> Self;

    /// A cluster, which answers.
    async fn three() -> Vec<Server<Self>>;

    fn open(options: &Options) -> Self::Registry;
}

impl Backend for Etcd {
    const NAME: &'static str = "etcd";

    const SEEN: Duration = Duration::from_secs(1);

    type Registry = EtcdRegistry;

    fn alone() -> Self {
        Self::alone()
    }

    async fn three() -> Vec<Server<Self>> {
        Self::three().await
    }

    fn open(options: &Options) -> EtcdRegistry {
        EtcdRegistry::new(options).unwrap()
    }
}

impl Backend for Consul {
    const NAME: &'static str = "Consul";

    const SEEN: Duration = Duration::from_secs(1);

    type Registry = ConsulRegistry;

    fn alone() -> Self {
        Self::alone()
    }

    async fn three() -> Vec<Server<Self>> {
        Self::three().await
    }

    fn open(options: &Options) -> ConsulRegistry {
        ConsulRegistry::new(options).unwrap()
    }
}

macro_rules! over_every_registry {
    ($($fact:ident)*) => {
        mod over_etcd {
            $(#[tokio::test]
            async fn $fact() {
                super::$fact::<super::Etcd>().await;
            })*
        }

        mod over_consul {
            $(#[tokio::test]
            async fn $fact() {
                super::$fact::<super::Consul>().await;
            })*
        }
    };
}

over_every_registry! {
    known_services_are_called_while_its_server_is_away_for_half_a_minute
    a_cluster_that_comes_back_empty_has_its_nodes_again_with_the_next_heartbeat
    one_member_of_three_may_be_lost
    a_member_that_is_lost_ends_its_watches
    a_server_that_hangs_is_unavailable_and_named
    a_record_without_a_ttl_is_written_again_where_it_is_gone
    fleets_of_two_namespaces_do_not_see_each_other
    a_thousand_services_of_ten_nodes_are_looked_up_in_memory_and_changes_come_soon
}

fn registry_at<B: Backend>(addresses: &[String]) -> B::Registry {
    let mut options = Options::default();
    options.addresses = addresses.to_vec();
    B::open(&options)
}

fn registry<B: Backend>(server: &Server<B>) -> B::Registry {
    registry_at::<B>(&[server.address()])
}

async fn known_services_are_called_while_its_server_is_away_for_half_a_minute<B: Backend>() {
    let mut server = Server::start(B::alone()).await;
    let _node = greeter(registry::<B>(&server)).await;
    let caller = Caller::new(registry::<B>(&server)).await;
    caller.hello().await.unwrap();

    server.stop();
    let calls = caller.hello_for(Duration::from_secs(30)).await;
    server.restart().await;

    wait_for(&registry::<B>(&server), 1).await;
    println!("{calls} calls while {} was away, none failed", B::NAME);
    caller.hello().await.unwrap();
}

async fn a_cluster_that_comes_back_empty_has_its_nodes_again_with_the_next_heartbeat<B: Backend>() {
    let mut server = Server::start(B::alone()).await;
    let _node = greeter(registry::<B>(&server)).await;
    let caller = Caller::new(registry::<B>(&server)).await;
    caller.hello().await.unwrap();

    server.restart_empty().await;
    let came_back = Instant::now();
    wait_for(&registry::<B>(&server), 1).await;

    let late = came_back.elapsed();
    println!(
        "registered again {late:.1?} after {} came back, at a heartbeat of {HEARTBEAT:?}",
        B::NAME
    );
    caller.hello_for(Duration::from_secs(1)).await;
}

async fn one_member_of_three_may_be_lost<B: Backend>() {
    let mut members = B::three().await;
    let addresses: Vec<_> = members.iter().map(Server::address).collect();
    let first = greeter(registry_at::<B>(&addresses)).await;
    let caller = Caller::new(registry_at::<B>(&addresses)).await;
    caller.hello().await.unwrap();

    members[0].stop();
    let _second = greeter(registry_at::<B>(&addresses)).await;
    wait_for(&registry_at::<B>(&addresses), 2).await;
    first.stop().await;
    wait_for(&registry_at::<B>(&addresses), 1).await;

    caller.hello_for(Duration::from_secs(1)).await;
}

async fn a_member_that_is_lost_ends_its_watches<B: Backend>() {
    let mut server = Server::start(B::alone()).await;
    let mut events = registry::<B>(&server).watch(None).await.unwrap();

    server.stop();

    fleet::end(&mut events).await;
}

async fn a_server_that_hangs_is_unavailable_and_named<B: Backend>() {
    let server = Server::start(B::alone()).await;
    let registry = registry::<B>(&server);
    registry.list().await.unwrap();

    server.pause();
    let error = tokio::time::timeout(SOON, registry.list())
        .await
        .unwrap()
        .unwrap_err();
    server.resume();

    assert_eq!(error.code(), 503);
    assert!(error.detail().contains(&server.address()), "{error}");
}

async fn a_record_without_a_ttl_is_written_again_where_it_is_gone<B: Backend>() {
    let mut server = Server::start(B::alone()).await;
    let registry = registry::<B>(&server);
    registry.register(&record("audit", 1), None).await.unwrap();

    server.restart_empty().await;
    registry.register(&record("audit", 1), None).await.unwrap();

    assert_eq!(registry.get("audit").await.unwrap(), [record("audit", 1)]);
}

async fn fleets_of_two_namespaces_do_not_see_each_other<B: Backend>() {
    let server = Server::start(B::alone()).await;
    let mut options = Options::default();
    options.addresses = vec![server.address()];
    options.namespace = "blue".to_owned();
    let blue = B::open(&options);
    blue.register(&record("audit", 1), None).await.unwrap();

    let other = registry::<B>(&server).get("audit").await;

    assert_eq!(other.unwrap_err().code(), 404);
    assert_eq!(blue.get("audit").await.unwrap(), [record("audit", 1)]);
}

async fn a_thousand_services_of_ten_nodes_are_looked_up_in_memory_and_changes_come_soon<
    B: Backend,
>() {
    const SERVICES: usize = 1000;
    let mut server = Server::start(B::alone()).await;
    let writer = registry::<B>(&server);
    let name = |number: usize| format!("service-{number:04}");
    let records: Vec<_> = (0..SERVICES)
        .map(|number| record(&name(number), 10))
        .collect();
    let written = stream::iter(&records).map(|record| writer.register(record, None));
    let written: Vec<_> = written.buffer_unordered(32).collect().await;
    assert!(written.iter().all(Result::is_ok));
    let before = fleet::resident();
    let cache = Cache::new(Arc::new(registry::<B>(&server)));
    for number in 0..SERVICES {
        let found = cache.snapshot(&name(number), SOON).await.unwrap();
        assert_eq!(found.candidates.len(), 10);
    }
    let memory = fleet::resident().saturating_sub(before);

    let changed = Instant::now();
    writer
        .register(&record(&name(SERVICES - 1), 11), None)
        .await
        .unwrap();
    while cache
        .snapshot(&name(SERVICES - 1), SOON)
        .await
        .unwrap()
        .candidates
        .len()
        < 11
    {
        tokio::task::yield_now().await;
        assert!(changed.elapsed() < SOON, "the change never came");
    }
    let seen = changed.elapsed();
    server.stop();
    for number in 0..SERVICES {
        assert!(cache.snapshot(&name(number), SOON).await.is_ok());
    }

    println!(
        "10,000 nodes of 1,000 services in {}: {memory} KiB, a change seen after {seen:.0?}",
        B::NAME
    );
    assert!(seen < B::SEEN, "{seen:?}");
}
