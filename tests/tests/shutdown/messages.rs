//! Messages that a subscriber is in the middle of.

use std::sync::Arc;

use micro::broker::{ATTEMPTS, HttpBroker, MemoryBroker, Options};
use micro::prelude::*;
use micro::registry::MemoryRegistry;
use micro::{Error, Running, Service};
use tokio::sync::{Semaphore, mpsc};

use super::{SHORT, SOON, begin_to_stop, build, soon};

/// Brokers of several processes, or of one.
#[derive(Clone)]
enum Brokers {
    Memory(MemoryBroker),
    Http(MemoryRegistry),
}

impl Brokers {
    /// A service of another process, which waits for what runs for so long.
    async fn service(&self, name: &'static str, drain: Duration) -> Service {
        let builder = Service::builder(name).registry(MemoryRegistry::new());
        let builder = match self {
            Self::Memory(broker) => builder.broker(broker.clone()),
            Self::Http(registry) => {
                let mut options = Options::default();
                options.registry = Some(Arc::new(registry.clone()));
                builder.broker(HttpBroker::new(&options).unwrap())
            }
        };
        build(builder, drain).await
    }

    async fn publish(&self) {
        let service = self.service("publisher", SOON).await;
        let publisher = service.publisher::<Plain<u32>>("orders");
        publisher.publish(&Plain(1)).await.unwrap();
    }
}

/// A member of the group: who begins a message, on which try, and ends it when the gate is closed.
struct Member {
    running: Running,
    gate: Arc<Semaphore>,
}

type Word = (&'static str, &'static str, u32);

impl Member {
    async fn new(
        brokers: &Brokers,
        name: &'static str,
        drain: Duration,
        tell: &mpsc::UnboundedSender<Word>,
    ) -> Self {
        let gate = Arc::new(Semaphore::new(0));
        let (closed, tell) = (gate.clone(), tell.clone());
        let handle = subscriber(
            "orders",
            Mode::group("g"),
            move |ctx: Context, _: Plain<u32>| {
                let (gate, tell) = (closed.clone(), tell.clone());
                async move {
                    tell.send((name, "begins", ctx.attempt())).unwrap();
                    let _ = gate.acquire().await;
                    tell.send((name, "ends", ctx.attempt())).unwrap();
                    Ok::<_, Error>(())
                }
            },
        );
        let service = brokers.service(name, drain).await.subscriber(handle);
        let running = service.start().await.unwrap();
        Self { running, gate }
    }
}

macro_rules! over_every_broker {
    ($($fact:ident)*) => {
        mod in_memory {
            $(#[tokio::test]
            async fn $fact() {
                super::$fact(super::Brokers::Memory(super::MemoryBroker::new())).await;
            })*
        }

        mod over_http {
            $(#[tokio::test]
            async fn $fact() {
                super::$fact(super::Brokers::Http(super::MemoryRegistry::new())).await;
            })*
        }
    };
}

over_every_broker! {
    a_message_in_the_middle_is_finished_while_its_server_stops_and_handed_to_nobody_else
    a_message_that_outlasts_the_drain_is_handed_to_another_member
    a_message_that_outlasts_the_drain_on_its_last_try_is_parked
}

async fn a_message_in_the_middle_is_finished_while_its_server_stops_and_handed_to_nobody_else(
    brokers: Brokers,
) {
    let (tell, mut told) = mpsc::unbounded_channel();
    let first = Member::new(&brokers, "first", SOON, &tell).await;
    brokers.publish().await;
    assert_eq!(soon(told.recv()).await, Some(("first", "begins", 1)));
    let other = Member::new(&brokers, "other", SOON, &tell).await;

    let stopping = begin_to_stop(first.running).await;
    first.gate.close();
    soon(stopping).await.unwrap();
    soon(other.running.stop()).await;

    drop(tell);
    assert_eq!(soon(told.recv()).await, Some(("first", "ends", 1)));
    assert_eq!(soon(told.recv()).await, None);
}

async fn a_message_that_outlasts_the_drain_is_handed_to_another_member(brokers: Brokers) {
    let (tell, mut told) = mpsc::unbounded_channel();
    let first = Member::new(&brokers, "first", SHORT, &tell).await;
    brokers.publish().await;
    assert_eq!(soon(told.recv()).await, Some(("first", "begins", 1)));
    let other = Member::new(&brokers, "other", SOON, &tell).await;

    soon(first.running.stop()).await;

    assert_eq!(soon(told.recv()).await, Some(("other", "begins", 2)));
    other.gate.close();
    assert_eq!(soon(told.recv()).await, Some(("other", "ends", 2)));
}

async fn a_message_that_outlasts_the_drain_on_its_last_try_is_parked(brokers: Brokers) {
    let (tell, mut told) = mpsc::unbounded_channel();
    let (bury, mut buried) = mpsc::unbounded_channel();
    let undertaker = subscriber(
        "dead.orders.g",
        Mode::Broadcast,
        move |ctx: Context, _: Plain<u32>| {
            bury.send(ctx.metadata().get(ATTEMPTS).map(str::to_owned))
                .unwrap();
            std::future::ready(Ok::<_, Error>(()))
        },
    );
    let undertaker = brokers
        .service("undertaker", SOON)
        .await
        .subscriber(undertaker);
    let _undertaker = undertaker.start().await.unwrap();
    let handle = subscriber(
        "orders",
        Mode::group("g"),
        move |_: Context, _: Plain<u32>| {
            tell.send(()).unwrap();
            std::future::pending::<Result<(), Error>>()
        },
    );
    let service = brokers.service("first", SHORT).await;
    let first = service.subscriber(handle.retry(1)).start().await.unwrap();
    brokers.publish().await;
    soon(told.recv()).await.unwrap();

    soon(first.stop()).await;

    assert_eq!(soon(buried.recv()).await, Some(Some("1".to_owned())));
}
