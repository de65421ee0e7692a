//! What the HTTP broker promises beyond what every broker does.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join;
use micro::broker::{Broker, HttpBroker, Mode, Options, Terms};
use micro::registry::{Registry, Service, Watcher};
use micro::{Context, Error, Plain, Result, subscriber};
use tokio::net::TcpStream;

use super::ends::{Network, group, message};
use super::wire::Node;
use micro::conformance::broker::{Gate, Seen};

/// An address that nothing listens on.
async fn nowhere() -> String {
    Node::bind().await.address()
}

#[tokio::test]
async fn a_member_that_cannot_be_connected_to_is_passed_over() {
    let (network, mut seen) = (Network::new(), Seen::new());
    let broker = network.broker(&[]);
    let subscribed = broker.subscribe("t", group("g"), seen.consumer("a"));
    let _a = subscribed.await.unwrap();
    let nowhere = nowhere().await;
    network
        .announce("micro.http.broker", "g", "t-dead", &nowhere, "t")
        .await;

    for _ in 0..20 {
        broker.publish("t", message("1")).await.unwrap();
    }

    for _ in 0..20 {
        assert_eq!(seen.next().await.unwrap().who, "a");
    }
}

#[tokio::test]
async fn a_member_that_has_left_is_passed_over() {
    let (network, mut seen) = (Network::new(), Seen::new());
    let broker = network.broker(&[]);
    let subscribed = broker.subscribe("t", group("g"), seen.consumer("a"));
    let _a = subscribed.await.unwrap();
    let address = network.node("micro.http.broker").await.address;
    let left = format!("t-{}", micro::id::random());
    network
        .announce("micro.http.broker", "g", &left, &address, "t")
        .await;

    for _ in 0..20 {
        broker.publish("t", message("1")).await.unwrap();
    }

    for _ in 0..20 {
        assert_eq!(seen.next().await.unwrap().who, "a");
    }
}

#[tokio::test]
async fn a_group_whose_members_are_all_gone_is_named_to_the_publisher() {
    let network = Network::new();
    let nowhere = nowhere().await;
    network
        .announce("micro.http.broker", "g", "t-dead", &nowhere, "t")
        .await;

    let error = network
        .broker(&[])
        .publish("t", message("1"))
        .await
        .unwrap_err();

    assert!(error.detail().contains("group g"), "{error}");
    assert!(error.is_never_reached());
}

#[tokio::test]
async fn a_broadcast_subscriber_that_is_gone_is_not_missed() {
    let network = Network::new();
    let nowhere = nowhere().await;
    let version = "ff.http.broadcast";
    network
        .announce("micro.http.broker", version, "t-dead", &nowhere, "t")
        .await;

    network
        .broker(&[])
        .publish("t", message("1"))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_subscriber_that_wants_tls_is_named_to_the_publisher() {
    let (network, node) = (Network::new(), Node::bind().await);
    let version = "ff.http.broadcast";
    let address = node.address();
    network
        .announce_tls("micro.http.broker", version, "t-tls", &address, "t")
        .await;

    let error = network
        .broker(&[])
        .publish("t", message("1"))
        .await
        .unwrap_err();

    assert!(error.detail().contains("TLS"), "{error}");
}

#[tokio::test]
async fn what_a_member_may_have_taken_is_sent_to_no_other() {
    let (network, mut seen, node) = (Network::new(), Seen::new(), Node::bind().await);
    let broker = network.broker(&[]);
    let subscribed = broker.subscribe("t", group("g"), seen.consumer("a"));
    let mut a = subscribed.await.unwrap();
    network
        .announce("micro.http.broker", "g", "t-cut", &node.address(), "t")
        .await;

    // It takes one message, and closes the connection without a word.
    let publish = async {
        let mut taken = 0;
        while broker.publish("t", message("1")).await.is_ok() {
            taken += 1;
        }
        taken
    };
    let (taken, _) = join(publish, node.take("")).await;
    a.leave();
    a.ended().await;

    assert_eq!(seen.all(), taken);
}

#[tokio::test]
async fn a_lookup_that_fails_is_an_error_of_the_publisher() {
    let mut options = Options::default();
    options.registry = Some(Arc::new(Down));
    let broker = HttpBroker::new(&options).unwrap();

    let error = broker.publish("t", message("1")).await.unwrap_err();

    assert!(error.detail().contains("who listens"), "{error}");
}

#[tokio::test]
async fn a_subscription_that_ends_without_another_member_handles_all_that_it_took() {
    let (network, mut seen, gate) = (Network::new(), Seen::new(), Gate::closed());
    let broker = network.broker(&[]);
    let consumer = gate.before(seen.consumer("a"));
    let mut a = broker.subscribe("t", group("g"), consumer).await.unwrap();
    for _ in 0..500 {
        broker.publish("t", message("1")).await.unwrap();
    }

    a.leave();
    gate.open();
    a.ended().await;

    assert_eq!(seen.all(), 500);
}

#[tokio::test]
async fn a_subscription_that_ends_gives_what_is_parked_to_another_member() {
    let (network, mut seen, mut dead) = (Network::new(), Seen::new(), Seen::new());
    let (here, there) = (network.broker(&[]), network.broker(&[]));
    let undertaker = there.subscribe("dead.t.g", group("undertaker"), dead.consumer("dead"));
    let _undertaker = undertaker.await.unwrap();
    let subscribed = here.subscribe("t", group("g"), seen.hopeless("a", |_| true));
    let mut a = subscribed.await.unwrap();
    here.publish("t", message("1")).await.unwrap();
    seen.next().await.unwrap();
    dead.next().await.unwrap();
    let subscribed = there.subscribe("t", group("g"), seen.consumer("b"));
    let _b = subscribed.await.unwrap();

    a.leave();
    a.ended().await;

    assert_eq!(there.replay("t", "g").await.unwrap(), 1);
    assert_eq!(seen.next().await.unwrap().who, "b");
}

#[tokio::test]
async fn a_subscription_that_has_ended_is_neither_announced_nor_listened_for() {
    let (network, seen) = (Network::new(), Seen::new());
    let broker = network.broker(&[]);
    let subscribed = broker.subscribe("t", group("g"), seen.consumer("a"));
    let mut a = subscribed.await.unwrap();
    let address = network.node("micro.http.broker").await.address;

    a.leave();
    a.ended().await;

    assert!(TcpStream::connect(&address).await.is_err());
    assert!(network.nodes("micro.http.broker").await.is_empty());
}

#[tokio::test]
async fn a_service_that_has_stopped_listens_for_no_message() {
    let network = Network::new();
    let handle = subscriber("t", Mode::group("g"), async |_: Context, _: Plain<u32>| {
        Ok::<_, Error>(())
    });
    let builder = tests::System::default().builder("a");
    let service = builder.broker(network.broker(&[])).build().await.unwrap();
    let running = service.subscriber(handle).start().await.unwrap();
    let address = network.node("micro.http.broker").await.address;

    running.stop().await;

    assert!(TcpStream::connect(&address).await.is_err());
}

#[tokio::test]
async fn a_subscription_is_announced_in_every_scheme_asked_for() {
    let (network, seen) = (Network::new(), Seen::new());
    let broker = network.broker(&["v0", "v1.13", "v1.18", "v2"]);

    let subscribed = broker.subscribe("t", group("g"), seen.consumer("a"));
    let _a = subscribed.await.unwrap();

    for name in ["topic:t", "t", "go.micro.http.broker", "micro.http.broker"] {
        assert_eq!(network.nodes(name).await.len(), 1, "{name}");
    }
}

#[tokio::test]
async fn a_subscriber_that_is_found_in_two_schemes_is_told_once() {
    let (network, mut seen) = (Network::new(), Seen::new());
    let broker = network.broker(&["v0", "v2"]);
    let terms = Terms::new(Mode::Broadcast);
    let _a = broker
        .subscribe("t", terms, seen.consumer("a"))
        .await
        .unwrap();
    let publisher = network.broker(&["v0", "v2"]);

    publisher.publish("t", message("1")).await.unwrap();
    publisher.publish("t", message("2")).await.unwrap();

    assert_eq!(seen.next().await.unwrap().body(), "1");
    assert_eq!(seen.next().await.unwrap().body(), "2");
}

#[tokio::test]
async fn what_it_can_do_is_said_in_words() {
    let said = Network::new().broker(&[]).capabilities().to_string();

    assert_eq!(
        said,
        "at most once, not durable; redelivery from this process's memory; in order"
    );
}

/// A registry that cannot be reached.
#[derive(Debug)]
struct Down;

fn down<T>() -> Result<T> {
    Err(Error::unavailable("test", "down"))
}

#[async_trait]
impl Registry for Down {
    async fn register(&self, _: &Service, _: Option<Duration>) -> Result<()> {
        down()
    }

    async fn deregister(&self, _: &Service) -> Result<()> {
        down()
    }

    async fn get(&self, _: &str) -> Result<Vec<Service>> {
        down()
    }

    async fn list(&self) -> Result<Vec<Service>> {
        down()
    }

    async fn watch(&self, _: Option<&str>) -> Result<Watcher> {
        down()
    }

    fn describe(&self) -> String {
        "down".to_owned()
    }

    fn name(&self) -> &'static str {
        "down"
    }
}
