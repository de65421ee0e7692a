//! Requests that are meant to cost more than they should: each is refused, its connection ends, and no handler sees it.

use std::time::Duration;

use crate::handlers::{limits, listen_with, recording};
use crate::raw::{Message, Peer};

const HEAD: &str = "POST / HTTP/1.1\r\nHost: localhost\r\nMicro-Endpoint: Greeter.Hello\r\nContent-Type: application/json\r\n";
const CHUNKED: &str = "Transfer-Encoding: chunked\r\n\r\n";

/// What a node says to `bytes` before it closes.
async fn said(bytes: impl AsRef<[u8]>) -> Option<Message> {
    let (accept, mut calls) = recording();
    let patient = limits(|limits| limits.head_timeout = Duration::from_secs(3600));
    let node = listen_with(patient, accept).await;
    let mut peer = Peer::connect(node.address()).await;

    peer.send(bytes).await;
    let said = tokio::time::timeout(Duration::from_secs(10), peer.closed()).await;

    let said = said.expect("it is still waited for");
    assert!(calls.try_recv().is_err(), "a handler saw it");
    Message::parse(&said).map(|(message, _)| message)
}

/// The status that `bytes` are refused with.
async fn refused(bytes: impl AsRef<[u8]>) -> u16 {
    said(bytes)
        .await
        .expect("it was closed without a word")
        .status()
}

/// Of a body that is broken a node may say so, in the head of its reply or by the status, or say nothing more.
fn assert_refused(reply: Option<Message>) {
    let code = reply.map(|reply| match reply.get("micro-error") {
        Some(_) => reply.failure().code(),
        None => reply.status(),
    });
    assert!(matches!(code, None | Some(400)), "{code:?}");
}

#[tokio::test]
async fn many_headers_are_refused() {
    let many: String = (0..200)
        .map(|number| format!("X-{number}: 1\r\n"))
        .collect();

    assert_eq!(refused(format!("{HEAD}{many}\r\n")).await, 431);
}

#[tokio::test]
async fn a_header_whose_name_has_no_end_is_refused() {
    assert_eq!(refused(format!("{HEAD}{}", "x".repeat(70_000))).await, 431);
}

#[tokio::test]
async fn a_header_whose_value_has_no_end_is_refused() {
    assert_eq!(
        refused(format!("{HEAD}X-Long: {}", "x".repeat(70_000))).await,
        431
    );
}

#[tokio::test]
async fn a_path_that_has_no_end_is_refused() {
    let status = refused(format!("POST /{}", "x".repeat(70_000))).await;

    assert!([414, 431].contains(&status), "{status}");
}

#[tokio::test]
async fn lengths_that_are_no_numbers_or_not_one_are_refused() {
    for length in [
        "Content-Length: 99999999999999999999999999\r\n",
        "Content-Length: -1\r\n",
        "Content-Length: +2\r\n",
        "Content-Length: 2\r\nContent-Length: 3\r\n",
    ] {
        assert_eq!(
            refused(format!("{HEAD}{length}\r\n{{}}")).await,
            400,
            "{length}"
        );
    }
}

#[tokio::test]
async fn a_chunk_whose_size_is_no_number_is_refused() {
    let reply = said(format!("{HEAD}{CHUNKED}10000000000000000\r\n")).await;

    assert_refused(reply);
}

#[tokio::test]
async fn extensions_of_chunks_that_have_no_end_are_refused() {
    let many = format!("1;{}\r\n1\r\n", "x".repeat(100)).repeat(1000);

    let reply = said(format!("{HEAD}{CHUNKED}{many}")).await;

    assert_refused(reply);
}

#[tokio::test]
async fn trailers_that_have_no_end_are_refused() {
    let many = "X-Trailer: 1\r\n".repeat(10_000);

    let reply = said(format!("{HEAD}{CHUNKED}0\r\n{many}")).await;

    assert_refused(reply);
}
