//! What a server lets pass, and how long it waits.
//!
//! The limit under test is short and the others are far off, so that what ends is ended by it.

use std::time::Duration;

use micro::transport::Limits;
use tokio::sync::mpsc;

use crate::handlers::{by, echo, limits, listen_with, recording, reply};
use crate::raw::{Peer, post};

const HELLO: &str =
    "Host: localhost\r\nMicro-Endpoint: Greeter.Hello\r\nContent-Type: application/json\r\n";
const SHORT: Duration = Duration::from_millis(20);
const FAR: Duration = Duration::from_secs(3600);

fn patient(change: impl FnOnce(&mut Limits)) -> Limits {
    limits(|limits| {
        limits.head_timeout = FAR;
        limits.idle_timeout = FAR;
        limits.linger = FAR;
        change(limits);
    })
}

fn call(length: usize, body: &str) -> String {
    format!("POST / HTTP/1.1\r\nContent-Length: {length}\r\n{HELLO}\r\n{body}")
}

#[tokio::test]
async fn a_message_over_the_limit_is_refused_with_both_sizes_and_the_setting() {
    let (accept, mut calls) = recording();
    let node = listen_with(patient(|limits| limits.message = 10), accept).await;
    let mut peer = Peer::connect(node.address()).await;

    let reply = peer.exchange(call(11, "12345678901")).await;

    let error = reply.failure();
    assert_eq!((reply.status(), error.code()), (200, 413));
    for part in ["11 bytes", "10 bytes", "max_message"] {
        assert!(error.detail().contains(part), "{error}");
    }
    assert!(calls.try_recv().is_err());
}

#[tokio::test]
async fn what_cannot_begin_a_head_is_answered_at_once() {
    let node = listen_with(patient(|_| {}), echo()).await;
    let mut peer = Peer::connect(node.address()).await;

    // The hello of TLS.
    let reply = peer
        .exchange(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
        .await;

    assert_eq!(reply.status(), 400);
}

#[tokio::test]
async fn a_message_of_exactly_the_limit_passes() {
    let node = listen_with(patient(|limits| limits.message = 10), echo()).await;

    let reply = Peer::connect(node.address())
        .await
        .exchange(call(10, "1234567890"))
        .await;

    assert_eq!(reply.text(), "1234567890");
}

#[tokio::test]
async fn a_connection_goes_on_after_a_message_over_the_limit() {
    let node = listen_with(patient(|limits| limits.message = 10), echo()).await;
    let mut peer = Peer::connect(node.address()).await;

    peer.exchange(call(11, "12345678901")).await;
    let reply = peer.exchange(call(2, "{}")).await;

    assert_eq!(reply.text(), "{}");
}

#[tokio::test]
async fn what_was_refused_may_come_to_its_end_as_fast_as_a_body_must() {
    let limit = Duration::from_millis(300);
    let node = listen_with(patient(|limits| limits.head_timeout = limit), echo()).await;
    let mut peer = Peer::connect(node.address()).await;
    let piece = "a".repeat(32 << 10);
    let length = piece.len() * 4;
    let head = format!(
        "POST /nowhere/at/all HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n"
    );

    let refused = peer.exchange(head).await;
    for _ in 0..4 {
        // Four times it is longer than the limit, which its bytes extend.
        tokio::time::sleep(limit / 3).await;
        peer.send(&piece).await;
    }
    let next = peer.exchange(call(2, "{}")).await;

    assert_eq!((refused.status(), refused.get("connection")), (404, None));
    assert_eq!(next.status(), 200);
}

#[tokio::test]
async fn a_huge_message_is_refused_before_any_of_it_comes() {
    let node = listen_with(patient(|limits| limits.message = 10), echo()).await;
    let mut peer = Peer::connect(node.address()).await;

    let reply = peer.exchange(call(1 << 40, "")).await;

    assert_eq!(reply.failure().code(), 413);
    assert_eq!(reply.get("connection"), Some("close"));
    peer.closed().await;
}

#[tokio::test]
async fn a_caller_that_asks_first_need_not_send_too_much() {
    let node = listen_with(patient(|limits| limits.message = 10), echo()).await;

    let call =
        format!("POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 12\r\n{HELLO}\r\n");
    let reply = Peer::connect(node.address()).await.exchange(call).await;

    assert_eq!((reply.status(), reply.failure().code()), (200, 413));
}

#[tokio::test]
async fn a_message_of_unknown_length_is_bounded_too() {
    let node = listen_with(patient(|limits| limits.message = 10), echo()).await;
    let mut peer = Peer::connect(node.address()).await;

    peer.send(format!(
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n{HELLO}\r\n"
    ))
    .await;
    peer.send("6\r\n123456\r\n6\r\n123456\r\n0\r\n\r\n").await;

    let error = peer.receive().await.failure();
    assert_eq!(error.code(), 413);
    assert!(error.detail().contains("10 bytes"), "{error}");
}

#[tokio::test]
async fn a_message_over_the_limit_that_names_nothing_has_the_status_413() {
    let node = listen_with(patient(|limits| limits.message = 10), echo()).await;
    let mut peer = Peer::connect(node.address()).await;

    let reply = peer
        .exchange(post(
            "/",
            "Content-Type: application/json\r\n",
            "12345678901",
        ))
        .await;

    assert_eq!((reply.status(), reply.error().code()), (413, 413));
}

#[tokio::test]
async fn a_message_over_the_limit_by_path_has_the_status_413() {
    let node = listen_with(patient(|limits| limits.message = 10), echo()).await;

    let call = "POST /Greeter/Hello HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 11\r\n\r\n12345678901";
    let reply = Peer::connect(node.address()).await.exchange(call).await;

    assert_eq!((reply.status(), reply.error().code()), (413, 413));
}

#[tokio::test]
async fn a_reply_over_the_limit_is_an_error() {
    let accept = by(|request| async move { Ok(reply(&request, "12345678901")) });
    let node = listen_with(patient(|limits| limits.message = 10), accept).await;

    let reply = Peer::connect(node.address())
        .await
        .exchange(call(2, "{}"))
        .await;

    assert_eq!(reply.failure().code(), 413);
    assert!(
        reply.failure().detail().contains("the reply has 11 bytes"),
        "{}",
        reply.failure()
    );
}

#[tokio::test]
async fn a_head_over_the_limit_has_the_status_431() {
    let node = listen_with(patient(|limits| limits.head = 1000), echo()).await;
    let mut peer = Peer::connect(node.address()).await;

    let filler = "a".repeat(1000);
    let reply = peer
        .exchange(format!(
            "POST / HTTP/1.1\r\n{HELLO}X-Long: {filler}\r\n\r\n"
        ))
        .await;

    assert_eq!(reply.status(), 431);
    peer.closed().await;
}

#[tokio::test]
async fn what_is_not_http_has_the_status_400() {
    let node = listen_with(patient(|_| ()), echo()).await;
    let mut peer = Peer::connect(node.address()).await;

    let reply = peer.exchange("hello there\r\n\r\n").await;

    assert_eq!(reply.status(), 400);
    peer.closed().await;
}

#[tokio::test]
async fn a_head_that_does_not_come_to_its_end_is_cut_off() {
    let node = listen_with(patient(|limits| limits.head_timeout = SHORT), echo()).await;
    let mut peer = Peer::connect(node.address()).await;

    peer.send("POST / HTTP/1.1\r\nHost:").await;

    assert!(peer.closed().await.is_empty());
}

#[tokio::test]
async fn a_connection_that_idles_is_closed() {
    let node = listen_with(patient(|limits| limits.idle_timeout = SHORT), echo()).await;
    let mut fresh = Peer::connect(node.address()).await;
    let mut used = Peer::connect(node.address()).await;
    used.exchange(call(2, "{}")).await;

    assert!(fresh.closed().await.is_empty());
    assert!(used.closed().await.is_empty());
}

#[tokio::test]
async fn a_body_that_stalls_is_answered_and_cut_off() {
    let node = listen_with(patient(|limits| limits.head_timeout = SHORT), echo()).await;
    let mut peer = Peer::connect(node.address()).await;

    peer.send(call(10, "{")).await;
    let reply = peer.receive().await;

    assert_eq!((reply.status(), reply.failure().code()), (200, 408));
    assert!(
        reply.failure().detail().contains("16384 bytes a second"),
        "{}",
        reply.failure()
    );
    assert_eq!(reply.get("connection"), Some("close"));
    peer.closed().await;
}

#[tokio::test]
async fn a_caller_that_does_not_read_its_reply_is_cut_off() {
    const SIZE: usize = 64 << 20;
    let node = listen_with(
        patient(|limits| {
            limits.head_timeout = SHORT;
            limits.body_rate = usize::MAX;
            limits.message = SIZE;
        }),
        by(|request| async move { Ok(reply(&request, vec![0; SIZE])) }),
    )
    .await;
    let mut peer = Peer::connect(node.address()).await;

    peer.send(call(2, "{}")).await;
    node.drain().await;

    assert!(peer.closed().await.len() < SIZE);
}

#[tokio::test]
async fn a_connection_over_the_limit_waits_until_another_ends() {
    let (peers, mut seen) = mpsc::unbounded_channel();
    let accept = by(move |request| {
        peers.send(request.peer.clone().unwrap()).unwrap();
        async move { Ok(reply(&request, "{}")) }
    });
    let node = listen_with(patient(|limits| limits.connections = 1), accept).await;
    let mut first = Peer::connect(node.address()).await;
    first.exchange(call(2, "{}")).await;
    let mut second = Peer::connect(node.address()).await;

    second.send(call(2, "{}")).await;
    first.exchange(call(2, "{}")).await;
    drop(first);
    second.receive().await;

    let order = [seen.recv().await, seen.recv().await, seen.recv().await];
    assert!(order[0] == order[1] && order[1] != order[2], "{order:?}");
}
