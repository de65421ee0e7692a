//! What the time of one call goes to.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use micro::Running;
use micro::registry::{Node, Registry, Service as Record};
use micro::transport::{FramesTransport, HttpTransport, Limits};
use tests::System;
use tokio::io::{AsyncReadExt, copy};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

use super::*;

const ALLOWED: Duration = Duration::from_millis(500);

/// A call of `Slow.Call` of `slow` that fails for want of time.
async fn late(client: &Service) -> Error {
    let call = client
        .client()
        .call::<_, Plain<String>>("slow", "Slow.Call", &Plain(()));
    call.timeout(ALLOWED).await.unwrap_err()
}

/// Announces that `slow` is at `address`.
async fn announce(registry: &MemoryRegistry, address: &str) {
    let node = Node {
        id: "slow-1".to_owned(),
        address: address.to_owned(),
        ..Node::default()
    };
    let record = Record {
        name: "slow".to_owned(),
        nodes: vec![node],
        ..Record::default()
    };
    registry.register(&record, None).await.unwrap();
}

/// The address of a node that takes connections and says nothing.
async fn silent(registry: &MemoryRegistry) -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    announce(registry, &address).await;
    (listener, address)
}

#[tokio::test(start_paused = true)]
async fn a_late_call_says_how_long_it_had() {
    let system = System::default();
    // Behind the wrappers of the server: nothing but the caller's own clock ends it.
    let stuck = micro::wrapper::from_fn(|_: Context, _: Request, _: Next| pending());
    let slow = system.service("slow").await.wrap_handler(stuck);
    let _slow = slow.endpoint("Slow.Call", hang()).start().await.unwrap();

    let error = late(&system.service("client").await).await;

    assert_eq!(error.code(), 408);
    assert!(
        error
            .detail()
            .contains("deadline of 500ms passed: 500ms waiting for its reply"),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_late_call_says_how_long_it_looked_for_a_node() {
    let system = System::default();
    let client = system.service("client").await;
    let start = async {
        sleep(Duration::from_millis(100)).await;
        let slow = system.service("slow").await;
        slow.endpoint("Slow.Call", hang()).start().await.unwrap()
    };

    let (error, _slow) = tokio::join!(late(&client), start);

    let found = millis(&error, "finding slow");
    assert!(
        found.is_some_and(|found| (100.0..=150.0).contains(&found)),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_late_call_says_how_long_its_attempts_before_took() {
    let system = System::default();
    let mut nodes = Vec::<Running>::new();
    for id in ["a", "b"] {
        let slow = system.builder("slow").id(id).build().await.unwrap();
        let slow = slow.endpoint("Slow.Call", hang().idempotent());
        nodes.push(slow.start().await.unwrap());
    }

    let error = late(&system.service("client").await).await;

    assert!(error.detail().contains("attempt 2"), "{error}");
    let failed = millis(&error, "in attempts before");
    assert!(
        failed.is_some_and(|failed| (200.0..=250.0).contains(&failed)),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_late_call_says_how_long_it_paused() {
    // The pause is random, and may be too short to be told.
    for _ in 0..100 {
        let system = System::default();
        let runs = Arc::new(AtomicU32::new(0));
        let call = unary(move |_: Context, _: Plain<()>| {
            let is_first = runs.fetch_add(1, Ordering::Relaxed) == 0;
            async move {
                match is_first {
                    true => Err::<Plain<()>, _>(Error::unavailable("slow", "not now")),
                    false => pending().await,
                }
            }
        });
        let slow = system.service("slow").await;
        let slow = slow.endpoint("Slow.Call", call.idempotent());
        let _slow = slow.start().await.unwrap();

        let error = late(&system.service("client").await).await;

        let paused = millis(&error, "in pauses between attempts");
        if paused.is_some_and(|paused| paused <= 26.0) {
            return;
        }
    }
    panic!("no pause was told");
}

#[tokio::test(start_paused = true)]
async fn what_a_node_is_too_late_for_is_not_begun_again_in_what_is_left() {
    let system = System::default();
    let runs = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&runs);
    let call = unary(move |_: Context, _: Plain<()>| {
        counted.fetch_add(1, Ordering::Relaxed);
        pending::<micro::Result<Plain<()>>>()
    });
    let slow = system.service("slow").await;
    let slow = slow.endpoint("Slow.Call", call.idempotent());
    let _slow = slow.start().await.unwrap();

    late(&system.service("client").await).await;

    assert_eq!(runs.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn a_far_end_has_a_little_less_time_than_its_caller() {
    let system = System::default();
    let left =
        unary(async |ctx: Context, _: Plain<()>| Ok::<_, Error>(Plain(ctx.time_left().unwrap())));
    let clock = system.service("clock").await;
    let _clock = clock.endpoint("Clock.Left", left).start().await.unwrap();
    let client = system.service("client").await;

    for (allowed, most) in [(200, 180), (2000, 1950)] {
        let call = client
            .client()
            .call::<_, Plain<Duration>>("clock", "Clock.Left", &Plain(()));
        let Plain(left) = call.timeout(Duration::from_millis(allowed)).await.unwrap();

        assert!(left <= Duration::from_millis(most), "{left:?}");
    }
}

#[tokio::test]
async fn a_late_call_says_that_it_connected_by_frames() {
    let registry = MemoryRegistry::new();
    let (_silent, address) = silent(&registry).await;
    let client = service(&registry, "client", FramesTransport::default()).await;

    let error = late(&client).await;

    let connected = millis(&error, &format!("connecting to {address}"));
    assert!(
        connected.is_some_and(|connected| connected > 400.0),
        "{error}"
    );
}

#[tokio::test]
async fn a_late_call_says_that_it_waited_for_a_reply_by_http() {
    let registry = MemoryRegistry::new();
    let _silent = silent(&registry).await;
    let client = service(&registry, "client", HttpTransport::default()).await;

    let error = late(&client).await;

    let waited = millis(&error, "waiting for its reply");
    assert!(waited.is_some_and(|waited| waited > 400.0), "{error}");
}

#[tokio::test]
async fn a_late_call_says_that_it_waited_for_room_on_a_connection_by_http() {
    let registry = MemoryRegistry::new();
    let (silent, address) = silent(&registry).await;
    let mut limits = Limits::default();
    limits.pool = 1;
    let client = service(&registry, "client", HttpTransport::new(limits)).await;
    let first = client
        .client()
        .call::<_, Plain<String>>("slow", "Slow.Call", &Plain(()));
    let first = tokio::spawn(first.into_future());
    let _taken = silent.accept().await.unwrap();

    let error = late(&client).await;

    first.abort();
    let waited = millis(
        &error,
        &format!("waiting for room on a connection to {address}"),
    );
    assert!(waited.is_some_and(|waited| waited > 400.0), "{error}");
}

/// `slow`, which answers with a megabyte, behind a proxy that lets only the begin of it pass; and its client.
async fn stalled<T: Transport + 'static>(transport: impl Fn() -> T) -> (Running, Service) {
    let registry = MemoryRegistry::new();
    let call = unary(async |_: Context, _: Plain<()>| Ok::<_, Error>(Plain("a".repeat(1 << 20))));
    let slow = service(&MemoryRegistry::new(), "slow", transport()).await;
    let slow = slow.endpoint("Slow.Call", call).start().await.unwrap();
    let proxy = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = proxy.local_addr().unwrap().to_string();
    let node = slow.address().to_owned();
    tokio::spawn(async move {
        let (near, _) = proxy.accept().await.unwrap();
        let far = TcpStream::connect(node).await.unwrap();
        let ((mut near_in, mut near_out), (far_in, mut far_out)) =
            (near.into_split(), far.into_split());
        let mut begin = far_in.take(100_000);
        let _ = tokio::join!(copy(&mut near_in, &mut far_out), async {
            copy(&mut begin, &mut near_out).await.unwrap();
            pending::<()>().await;
        });
    });
    announce(&registry, &address).await;
    (slow, service(&registry, "client", transport()).await)
}

#[tokio::test]
async fn a_late_call_says_that_it_read_a_reply_by_http() {
    let (_slow, client) = stalled(HttpTransport::default).await;

    let error = late(&client).await;

    let read = millis(&error, "reading its reply");
    assert!(read.is_some_and(|read| read > 300.0), "{error}");
}

#[tokio::test]
async fn a_late_call_says_that_it_read_a_reply_by_frames() {
    let (_slow, client) = stalled(FramesTransport::default).await;

    let error = late(&client).await;

    let read = millis(&error, "reading its reply");
    assert!(read.is_some_and(|read| read > 300.0), "{error}");
}
