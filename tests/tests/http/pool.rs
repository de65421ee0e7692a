//! How a caller uses its connections to one node.

use std::sync::Arc;
use std::time::Duration;

use micro::Error;
use micro::transport::{Channel, Facts, HttpTransport, Limits, Transport};

use crate::handlers::{by, echo, failing, hello, limits, listen, listen_with, recording, reply};
use crate::raw::{Node, Peer};

const REPLY: &str =
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";

fn dial(limits: Limits, address: &str) -> Arc<dyn Channel> {
    HttpTransport::new(limits)
        .dial(address, &Facts::new())
        .unwrap()
}

/// A node and the connection on which it has answered one call.
async fn used(limits: Limits, reply: &str) -> (Node, Arc<dyn Channel>, Peer) {
    let node = Node::bind().await;
    let channel = dial(limits, &node.address());
    let (_, peer) = tokio::join!(channel.call(hello("{}")), answer(&node, reply));
    (node, channel, peer)
}

/// Lets the caller's end see what has happened to its sockets.
async fn notice() {
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
}

/// Answers one call on a connection of its own.
async fn answer(node: &Node, reply: &str) -> Peer {
    let mut peer = node.accept().await;
    peer.receive().await;
    peer.send(reply).await;
    peer
}

#[tokio::test]
async fn calls_in_turn_share_one_connection() {
    let (accept, mut calls) = recording();
    let node = listen(accept).await;
    let channel = dial(Limits::default(), node.address());

    for _ in 0..3 {
        channel.call(hello("{}")).await.unwrap();
    }

    let first = calls.recv().await.unwrap().peer;
    assert_eq!(calls.recv().await.unwrap().peer, first);
    assert_eq!(calls.recv().await.unwrap().peer, first);
}

#[tokio::test]
async fn calls_at_once_have_a_connection_each_up_to_the_limit() {
    let (accept, mut calls) = recording();
    let node = listen(accept).await;
    let channel = dial(limits(|limits| limits.pool = 2), node.address());

    let at_once = (0..20).map(|_| channel.call(hello("{}")));
    for outcome in futures_util::future::join_all(at_once).await {
        outcome.unwrap();
    }

    let mut peers = std::collections::HashSet::new();
    for _ in 0..20 {
        peers.insert(calls.recv().await.unwrap().peer.unwrap());
    }
    assert_eq!(peers.len(), 2);
}

#[tokio::test]
async fn after_an_error_of_our_own_node_the_connection_is_used_again() {
    let (peers, mut seen) = tokio::sync::mpsc::unbounded_channel();
    let node = listen(by(move |request| {
        peers.send(request.peer.clone()).unwrap();
        async { Err::<micro::message::Response, _>(Error::conflict("greeter", "taken")) }
    }))
    .await;
    let channel = dial(Limits::default(), node.address());

    for _ in 0..2 {
        channel.call(hello("{}")).await.unwrap_err();
    }

    assert_eq!(seen.recv().await, seen.recv().await);
}

#[tokio::test]
async fn after_an_error_of_another_peer_the_connection_is_closed() {
    let (_node, _channel, mut peer) = used(
        Limits::default(),
        "HTTP/1.1 200 OK\r\nMicro-Error: EOF\r\nContent-Length: 0\r\n\r\n",
    )
    .await;

    assert!(peer.closed().await.is_empty());
}

#[tokio::test]
async fn after_a_reply_that_says_close_the_connection_is_not_used_again() {
    let reply = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}";
    let (node, channel, _peer) = used(Limits::default(), reply).await;

    let (outcome, _fresh) = tokio::join!(channel.call(hello("{}")), answer(&node, REPLY));

    outcome.unwrap();
}

#[tokio::test]
async fn a_call_on_a_connection_that_the_peer_closed_goes_over_a_fresh_one() {
    let (node, channel, peer) = used(Limits::default(), REPLY).await;

    drop(peer);
    notice().await;
    let (outcome, _fresh) = tokio::join!(channel.call(hello("{}")), answer(&node, REPLY));

    outcome.unwrap();
}

#[tokio::test]
async fn calls_go_on_after_a_node_has_restarted() {
    let at_once = limits(|limits| limits.linger = Duration::ZERO);
    let node = listen_with(at_once, echo()).await;
    let channel = dial(Limits::default(), node.address());
    channel.call(hello("{}")).await.unwrap();

    node.drain().await;
    let again = HttpTransport::default()
        .listen(node.address(), echo())
        .await
        .unwrap();

    assert_eq!(again.address(), node.address());
    channel.call(hello("{}")).await.unwrap();
}

#[tokio::test]
async fn a_node_that_went_away_was_never_reached() {
    let (node, channel, peer) = used(Limits::default(), REPLY).await;

    drop((node, peer));
    notice().await;
    let error = channel.call(hello("{}")).await.unwrap_err();

    assert!(error.is_never_reached(), "{error}");
}

#[tokio::test]
async fn a_connection_that_idles_is_closed_before_the_server_does() {
    let short = limits(|limits| limits.idle_timeout = Duration::from_millis(20));
    let (_node, _channel, mut peer) = used(short, REPLY).await;

    assert!(peer.closed().await.is_empty());
}

#[tokio::test]
async fn a_dropped_channel_closes_its_connections() {
    let (_node, channel, mut peer) = used(Limits::default(), REPLY).await;

    drop(channel);

    assert!(peer.closed().await.is_empty());
}

#[tokio::test]
async fn a_call_that_waits_for_a_connection_gets_it_when_another_call_is_dropped() {
    let node = Node::bind().await;
    let channel = dial(limits(|limits| limits.pool = 1), &node.address());
    let first = tokio::spawn({
        let channel = Arc::clone(&channel);
        async move { channel.call(hello("{}")).await.map(drop) }
    });
    let mut held = node.accept().await;
    held.receive().await;

    first.abort();
    let (outcome, _fresh) = tokio::join!(channel.call(hello("{}")), answer(&node, REPLY));

    outcome.unwrap();
    assert!(held.closed().await.is_empty());
}

#[tokio::test]
async fn a_call_that_cannot_be_written_leaves_the_connection_to_the_next() {
    let (_node, channel, mut peer) = used(Limits::default(), REPLY).await;
    let mut wrong = hello("{}");
    wrong.metadata.set("not a name", "1");

    channel.call(wrong).await.unwrap_err();
    let serving = async {
        peer.receive().await;
        peer.send(REPLY).await;
    };
    let (outcome, ()) = tokio::join!(channel.call(hello("{}")), serving);

    outcome.unwrap();
}

#[tokio::test]
async fn a_refused_call_keeps_its_connection() {
    let node = listen(failing(|| Error::unavailable("a", "b").never_reached())).await;
    let channel = dial(Limits::default(), node.address());

    for _ in 0..2 {
        assert!(
            channel
                .call(hello("{}"))
                .await
                .unwrap_err()
                .is_never_reached()
        );
    }
}

#[tokio::test]
async fn ids_count_the_calls_of_a_channel() {
    let (_node, channel, mut peer) = used(Limits::default(), REPLY).await;

    let serving = async {
        let id = peer.receive().await.get("micro-id").unwrap().to_owned();
        peer.send(REPLY).await;
        id
    };
    let (_, id) = tokio::join!(channel.call(hello("{}")), serving);

    assert_eq!(id, "1");
}

#[tokio::test]
async fn one_reply_is_given_to_one_call() {
    let node = listen(by(|mut request| async move {
        let body = std::mem::take(&mut request.body).into_bytes()?;
        tokio::task::yield_now().await;
        Ok(reply(&request, body))
    }))
    .await;
    let channel = dial(limits(|limits| limits.pool = 3), node.address());

    let calls = ["1", "2", "3", "4", "5", "6", "7"].map(|body| {
        let channel = Arc::clone(&channel);
        async move {
            (
                body,
                channel
                    .call(hello(body))
                    .await
                    .unwrap()
                    .body
                    .into_bytes()
                    .unwrap(),
            )
        }
    });

    for (sent, got) in futures_util::future::join_all(calls).await {
        assert_eq!(got, sent);
    }
}

#[tokio::test]
async fn a_dropped_call_closes_its_connection_though_the_peer_does_not_read() {
    let node = Node::bind().await;
    let channel = dial(Limits::default(), &node.address());
    let mut large = hello("");
    large.body = micro::message::Body::Bytes(vec![0; 4 << 20].into());
    let call = tokio::spawn(async move { channel.call(large).await.map(drop) });
    let mut peer = node.accept().await;
    notice().await;

    call.abort();

    let sent = tokio::time::timeout(Duration::from_secs(5), peer.closed()).await;
    assert!(sent.expect("the connection is open").len() < 4 << 20);
}
