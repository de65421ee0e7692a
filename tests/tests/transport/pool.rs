//! The connections of frames between a client and a node: how many there are, and until when.

use std::collections::BTreeMap;
use std::sync::Mutex;

use futures_util::poll;
use micro::transport::Limits;
use tokio::sync::{Notify, Semaphore};

use super::*;

/// How often each connection of callers was seen.
type Peers = Arc<Mutex<BTreeMap<String, usize>>>;

/// A node that takes so many calls on one connection, and keeps them until it is let go on.
struct Busy {
    pair: Pair,
    peers: Peers,
    begun: Arc<Semaphore>,
    go_on: Arc<Notify>,
}

impl Busy {
    async fn new(calls: usize) -> Self {
        let mut limits = Limits::default();
        limits.calls = calls;
        let (peers, begun) = (Peers::default(), Arc::new(Semaphore::new(0)));
        let go_on = Arc::new(Notify::new());
        let seen = (Arc::clone(&peers), Arc::clone(&begun), Arc::clone(&go_on));
        let handler = move |request: Request| {
            let (peers, begun, go_on) = seen.clone();
            async move {
                let going_on = go_on.notified();
                let peer = request.peer.clone().unwrap().to_string();
                *peers.lock().unwrap().entry(peer).or_default() += 1;
                begun.add_permits(1);
                going_on.await;
                echo(request).await
            }
        };
        let pair = Pair::new(&FramesTransport::new(limits), handler).await;
        Self {
            pair,
            peers,
            begun,
            go_on,
        }
    }

    /// Begins so many calls, one after the other.
    async fn begin(&self, count: usize) -> Vec<BoxFuture<'_, Result<Bytes>>> {
        let mut calls = Vec::new();
        for _ in 0..count {
            let mut call = self.pair.call("1").boxed();
            tokio::select! {
                _ = &mut call => unreachable!("nobody let it go on"),
                begun = self.begun.acquire() => begun.unwrap().forget(),
            }
            calls.push(call);
        }
        calls
    }

    fn seen(&self) -> Vec<usize> {
        self.peers.lock().unwrap().values().copied().collect()
    }
}

#[tokio::test]
async fn calls_that_one_connection_takes_share_it() {
    let busy = Busy::new(10).await;

    let calls = busy.begin(10).await;

    assert_eq!(busy.seen(), [10]);
    drop(calls);
}

#[tokio::test]
async fn another_connection_is_opened_when_all_are_full_and_the_calls_spread() {
    let busy = Busy::new(2).await;

    let calls = busy.begin(7).await;

    let mut seen = busy.seen();
    seen.sort_unstable();
    assert_eq!(seen, [1, 2, 2, 2]);
    busy.go_on.notify_waiters();
    assert!(join_all(calls).await.iter().all(Result::is_ok));
}

#[tokio::test]
async fn a_call_too_many_for_four_connections_is_refused_and_was_never_reached() {
    let busy = Busy::new(1).await;
    let calls = busy.begin(4).await;

    let refused = busy.pair.call("1").await.unwrap_err();

    assert_eq!(refused.code(), 429);
    assert!(refused.is_never_reached());
    assert_eq!(busy.seen(), [1, 1, 1, 1]);
    drop(calls);
}

#[tokio::test]
async fn a_connection_that_has_room_again_is_used_again() {
    let busy = Busy::new(1).await;
    let calls = busy.begin(2).await;
    busy.go_on.notify_waiters();
    join_all(calls).await;

    let calls = busy.begin(2).await;

    let mut seen = busy.seen();
    seen.sort_unstable();
    assert_eq!(seen, [2, 2]);
    drop(calls);
}

#[tokio::test]
async fn connections_that_idle_close_and_the_one_in_use_stays() {
    let busy = Busy::new(2).await;
    let calls = busy.begin(7).await;
    busy.go_on.notify_waiters();
    join_all(calls).await;
    assert_eq!(busy.pair.listener.connections(), 4);

    tokio::time::pause();
    for _ in 0..10 {
        tokio::time::sleep(Duration::from_secs(10)).await;
        let call = busy.begin(1).await;
        busy.go_on.notify_waiters();
        join_all(call).await;
    }

    assert_eq!(busy.pair.listener.connections(), 1);
    assert_eq!(busy.seen().len(), 4, "the same connection served all");
}

/// A transport whose connections come of age soon.
fn short_lived(make: impl FnOnce(Limits) -> Box<dyn Transport>) -> Box<dyn Transport> {
    let mut limits = Limits::default();
    limits.connection_age = Duration::from_millis(20);
    limits.linger = Duration::from_millis(20);
    make(limits)
}

/// Calls until 32 connections were used: none of the calls fails.
async fn outlive(transport: &dyn Transport) {
    let peers = Peers::default();
    let seen = Arc::clone(&peers);
    let handler = move |request: Request| {
        let peer = request.peer.clone().unwrap().to_string();
        *seen.lock().unwrap().entry(peer).or_default() += 1;
        echo(request)
    };
    let pair = Pair::new(transport, handler).await;

    let callers = (0..8).map(|_| async {
        while peers.lock().unwrap().len() < 32 {
            pair.call("1").await.unwrap();
        }
    });

    join_all(callers).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_call_fails_when_connections_of_frames_come_of_age() {
    outlive(&*short_lived(|limits| {
        Box::new(FramesTransport::new(limits))
    }))
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_call_fails_when_connections_of_http_come_of_age() {
    outlive(&*short_lived(|limits| Box::new(HttpTransport::new(limits)))).await;
}

/// Blocks its thread, as no handler should.
fn blocking(
    blocked: std::sync::mpsc::Sender<()>,
    release: std::sync::mpsc::Receiver<()>,
) -> impl Fn(Request) -> BoxFuture<'static, Result<Response>> + Send + Sync {
    let release = Mutex::new(release);
    let state = Arc::new((blocked, release));
    move |request| {
        let state = Arc::clone(&state);
        async move {
            if request.metadata.get("x-block").is_some() {
                state.0.send(()).unwrap();
                state.1.lock().unwrap().recv().unwrap();
            }
            echo(request).await
        }
        .boxed()
    }
}

#[test]
fn a_handler_that_blocks_delays_its_own_connection_once_and_no_other() {
    // The node has threads of its own, so that the callers do not wait for the one that is blocked.
    let threads = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(3)
        .enable_all()
        .build()
        .unwrap();
    // The thread that blocks may be the one that waits for the network: another has to look, too.
    threads.spawn(async {
        loop {
            tokio::task::yield_now().await;
        }
    });
    let (block, blocked) = std::sync::mpsc::channel();
    let (let_go, release) = std::sync::mpsc::channel();
    let transport = FramesTransport::default();
    let pair = threads.block_on(Pair::new(&transport, blocking(block, release)));
    let other = transport
        .dial(pair.listener.address(), &Facts::new())
        .unwrap();
    let callers = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();

    callers.block_on(async {
        let mut call = request("Greeter.Hello");
        call.metadata.set("x-block", "1");
        let mut slow = pair.channel.call(call);
        assert!(poll!(&mut slow).is_pending());
        while blocked.try_recv().is_err() {
            assert!(poll!(&mut slow).is_pending());
            tokio::task::yield_now().await;
        }
        let mut behind: Vec<_> = (0..100).map(|_| pair.call("1").boxed()).collect();
        for one in &mut behind {
            assert!(poll!(one).is_pending());
        }

        other.call(request("Greeter.Hello")).await.unwrap();
        for one in &mut behind {
            assert!(poll!(one).is_pending());
        }
        let_go.send(()).unwrap();

        slow.await.unwrap();
        assert!(join_all(behind).await.iter().all(Result::is_ok));
    });
    threads.shutdown_background();
}

#[tokio::test]
async fn a_handler_that_waits_delays_nobody() {
    let busy = Busy::new(1000).await;
    let waiting = busy.begin(1).await;

    let others = busy.begin(100).await;

    assert_eq!(busy.seen(), [101]);
    busy.go_on.notify_waiters();
    assert!(join_all(others).await.iter().all(Result::is_ok));
    assert!(join_all(waiting).await.iter().all(Result::is_ok));
}
