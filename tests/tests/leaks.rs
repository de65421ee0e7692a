//! Ten thousand of each leave nothing: no memory, no task and no socket. In a process of their own, whose memory is theirs.

use micro::prelude::*;
use micro::registry::{MdnsRegistry, MemoryRegistry, Options};
use micro::{Builder, Service};
use tests::{alone, sockets};

const TIMES: usize = 10_000;

/// How much memory this process has, in pages.
fn memory() -> f64 {
    let numbers = std::fs::read_to_string("/proc/self/statm").unwrap();
    numbers.split(' ').nth(1).unwrap().parse().unwrap()
}

/// The same, once no more sockets are open than `before`: some are closed by threads of their own.
async fn settled(before: usize) -> f64 {
    let closed = async {
        while sockets() > before {
            tokio::task::yield_now().await;
        }
    };
    // Of a socket that is never closed, the test as a whole says so.
    let _ = tokio::time::timeout(Duration::from_secs(10), closed).await;
    memory()
}

/// Does `one` so many times, and sees that the second half takes no memory.
async fn repeat(times: usize, mut one: impl AsyncFnMut()) {
    one().await;
    // What every one keeps open, the first one does, too.
    let before = sockets();
    let mut half_way = 0.0;
    for time in 0..times {
        if time == times / 2 {
            half_way = settled(before).await;
        }
        one().await;
    }
    let after = settled(before).await;

    assert!(after < half_way * 1.1, "{half_way} pages became {after}");
}

fn builder(name: &'static str, registry: &MemoryRegistry) -> Builder {
    let builder = Service::builder(name).registry(registry.clone());
    builder.linger(Duration::ZERO)
}

struct Counter;

#[micro::service(name = "counter")]
impl Counter {
    #[micro::handler]
    async fn add(&self, number: Plain<u32>) -> micro::Result<Plain<u32>> {
        Ok(Plain(number.0 + 1))
    }

    #[micro::handler]
    async fn echo(
        &self,
        numbers: Streaming<Plain<u32>>,
    ) -> micro::Result<impl Stream<Item = micro::Result<Plain<u32>>>> {
        Ok(numbers)
    }
}

#[test]
fn ten_thousand_short_streams_leave_nothing() {
    alone(async || {
        let registry = MemoryRegistry::new();
        let node = builder("counter", &registry).build().await.unwrap();
        let _running = node.handle(Counter).start().await.unwrap();
        let caller = builder("caller", &registry).build().await.unwrap();
        let client = CounterClient::new(&caller);

        repeat(TIMES, async || {
            let numbers = stream::iter((0..3).map(Plain));
            let echoes = client.echo(numbers).await.unwrap();
            assert_eq!(echoes.count().await, 3);
        })
        .await;
    });
}

#[test]
fn ten_thousand_streams_that_are_dropped_in_the_middle_leave_nothing() {
    alone(async || {
        let registry = MemoryRegistry::new();
        let node = builder("counter", &registry).build().await.unwrap();
        let _running = node.handle(Counter).start().await.unwrap();
        let caller = builder("caller", &registry).build().await.unwrap();
        let client = CounterClient::new(&caller);

        repeat(TIMES, async || {
            let numbers = stream::iter([Plain(1)]).chain(stream::pending());
            let mut echoes = client.echo(numbers).await.unwrap();
            echoes.next().await.unwrap().unwrap();
        })
        .await;
    });
}

#[test]
fn ten_thousand_clients_leave_nothing() {
    alone(async || {
        let registry = MemoryRegistry::new();
        let node = builder("counter", &registry).build().await.unwrap();
        let _running = node.handle(Counter).start().await.unwrap();

        repeat(TIMES, async || {
            let caller = builder("caller", &registry).build().await.unwrap();
            let client = CounterClient::new(&caller);
            assert_eq!(client.add(Plain(1)).await.unwrap().0, 2);
        })
        .await;
    });
}

/// Each looks for the node anew; ten thousand would take minutes.
#[test]
fn a_hundred_clients_with_an_mdns_registry_of_their_own_leave_nothing() {
    alone(async || {
        let namespace = micro::id::random();
        let build = async |name: &'static str| {
            let mut options = Options::default();
            options.namespace = namespace.clone();
            let builder = Service::builder(name).registry(MdnsRegistry::new(&options).unwrap());
            builder.linger(Duration::ZERO).build().await.unwrap()
        };
        let _running = build("counter")
            .await
            .handle(Counter)
            .start()
            .await
            .unwrap();

        repeat(100, async || {
            let caller = build("caller").await;
            let client = CounterClient::new(&caller);
            assert_eq!(client.add(Plain(1)).await.unwrap().0, 2);
        })
        .await;
    });
}
