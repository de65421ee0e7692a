//! How connections end: by the caller, by draining, by closing.

use std::pin::pin;
use std::time::Duration;

use futures_util::poll;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

use std::io::Write as _;
use std::sync::Arc;

use crate::handlers::{by, echo, limits, listen, listen_with, pending, reply};
use crate::raw::Peer;

const CALL: &str = "POST / HTTP/1.1\r\nHost: localhost\r\nMicro-Endpoint: Greeter.Hello\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
const FAR: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn a_caller_that_closes_cancels_its_call() {
    let (accept, mut words) = pending();
    let node = listen(accept).await;
    let mut peer = Peer::connect(node.address()).await;
    peer.send(CALL).await;
    assert_eq!(words.recv().await, Some("called"));

    drop(peer);

    assert_eq!(words.recv().await, Some("dropped"));
}

#[tokio::test]
async fn closing_a_listener_cancels_its_calls() {
    let (accept, mut words) = pending();
    let node = listen(accept).await;
    let mut peer = Peer::connect(node.address()).await;
    peer.send(CALL).await;
    assert_eq!(words.recv().await, Some("called"));

    node.close();

    assert_eq!(words.recv().await, Some("dropped"));
    assert!(peer.closed().await.is_empty());
}

#[tokio::test]
async fn a_dropped_listener_is_closed() {
    let node = listen(echo()).await;
    let mut peer = Peer::connect(node.address()).await;
    peer.exchange(CALL).await;

    drop(node);

    assert!(peer.closed().await.is_empty());
}

#[tokio::test]
async fn draining_lets_a_call_in_flight_finish() {
    let begun = Arc::new(Semaphore::new(0));
    let go_on = Arc::new(Semaphore::new(0));
    let (seen, gate) = (Arc::clone(&begun), Arc::clone(&go_on));
    let node = listen(by(move |request| {
        seen.add_permits(1);
        let gate = Arc::clone(&gate);
        async move {
            let _open = gate.acquire().await.unwrap();
            Ok(reply(&request, "done"))
        }
    }))
    .await;
    let mut peer = Peer::connect(node.address()).await;
    peer.send(CALL).await;
    let _begun = begun.acquire().await.unwrap();

    let mut draining = pin!(node.drain());
    assert!(poll!(&mut draining).is_pending());
    go_on.add_permits(1);
    let reply = peer.receive().await;
    draining.await;

    assert_eq!(
        (reply.text(), reply.get("connection")),
        ("done", Some("close"))
    );
    assert!(peer.closed().await.is_empty());
}

#[tokio::test]
async fn while_draining_an_idle_connection_gets_one_more_answer() {
    let node = listen_with(limits(|limits| limits.linger = FAR), echo()).await;
    let mut peer = Peer::connect(node.address()).await;
    assert_eq!(peer.exchange(CALL).await.get("connection"), None);

    let mut draining = pin!(node.drain());
    assert!(poll!(&mut draining).is_pending());
    let reply = peer.exchange(CALL).await;
    draining.await;

    assert_eq!(
        (reply.text(), reply.get("connection")),
        ("{}", Some("close"))
    );
    assert!(peer.closed().await.is_empty());
}

#[tokio::test]
async fn while_draining_a_connection_that_stays_idle_is_closed() {
    let node = listen_with(
        limits(|limits| limits.linger = Duration::from_millis(20)),
        echo(),
    )
    .await;
    let mut peer = Peer::connect(node.address()).await;
    peer.exchange(CALL).await;

    node.drain().await;

    assert!(peer.closed().await.is_empty());
}

#[tokio::test]
async fn a_call_that_the_system_had_accepted_is_answered_by_draining() {
    let node = listen_with(limits(|limits| limits.linger = FAR), echo()).await;
    // Blocking, so that the listener has no chance to run.
    let mut stream = std::net::TcpStream::connect(node.address()).unwrap();
    stream.write_all(CALL.as_bytes()).unwrap();
    stream.set_nonblocking(true).unwrap();

    node.drain().await;

    let mut peer = Peer::new(TcpStream::from_std(stream).unwrap());
    assert_eq!(peer.receive().await.text(), "{}");
}

#[tokio::test]
async fn after_draining_nobody_can_connect() {
    let node = listen(echo()).await;

    node.drain().await;

    assert!(TcpStream::connect(node.address()).await.is_err());
}

#[tokio::test]
async fn draining_twice_is_draining_once() {
    let node = listen(echo()).await;

    node.drain().await;
    node.drain().await;
}
