//! Streams as messages back to back, of peers that mean well and of others.
//!
//! The limit under test is short and the others are far off, so that what ends is ended by it.

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream;
use micro::Error;
use micro::message::{Body, Response};
use micro::transport::Limits;

use crate::handlers::{by, failing, limits, listen, listen_with, pending};
use crate::raw::{Message, Peer, post};

const OPEN: &str = "Micro-Endpoint: Greeter.Stream\r\nMicro-Stream: 7\r\nMicro-Id: 7\r\n\
                    Content-Type: application/json\r\n";
const SHORT: Duration = Duration::from_millis(50);
const FAR: Duration = Duration::from_secs(3600);

fn patient(change: impl FnOnce(&mut Limits)) -> Limits {
    limits(|limits| {
        limits.head_timeout = FAR;
        limits.idle_timeout = FAR;
        limits.linger = FAR;
        change(limits);
    })
}

/// Sends back what comes.
fn echoing() -> std::sync::Arc<dyn micro::transport::Accept> {
    by(|request| async move { Ok(Response::new(request.content_type, request.body)) })
}

fn message(body: &str) -> String {
    post("/", OPEN, body)
}

fn is_end(message: &Message) -> bool {
    message.get("micro-error") == Some("EOS") && message.get("x-micro-error") == Some("EOS")
}

#[tokio::test]
async fn the_first_message_opens_and_those_behind_it_are_messages() {
    let node = listen(echoing()).await;
    let mut peer = Peer::connect(node.address()).await;

    peer.send(message("{}") + &message("1") + &message("2"))
        .await;

    for wanted in ["1", "2"] {
        let reply = peer.receive().await;
        assert_eq!(
            (reply.text(), reply.get("micro-stream")),
            (wanted, Some("7"))
        );
    }
}

#[tokio::test]
async fn a_caller_who_ends_its_side_still_gets_what_is_answered() {
    let sum = by(|request| async move {
        let content_type = request.content_type;
        let count = request.body.into_stream().count().await;
        Ok(Response::new(
            content_type,
            Body::Bytes(count.to_string().into()),
        ))
    });
    let node = listen(sum).await;
    let mut peer = Peer::connect(node.address()).await;

    let end = post("/", &format!("{OPEN}Micro-Error: EOS\r\n"), "");
    peer.send(message("{}") + &message("1") + &message("2") + &end)
        .await;

    assert_eq!(peer.receive().await.text(), "2");
    assert!(is_end(&peer.receive().await));
}

#[tokio::test]
async fn a_page_of_another_host_opens_no_stream() {
    let node = listen(echoing()).await;
    let mut peer = Peer::connect(node.address()).await;
    let call = message("{}");
    let (_, rest) = call.split_once("\r\nHost: ").unwrap();
    let (_, rest) = rest.split_once("\r\n").unwrap();

    let call = format!("POST / HTTP/1.1\r\nHost: evil.example\r\n{rest}");
    let reply = peer.exchange(call).await;

    assert_eq!(reply.status(), 403);
}

#[tokio::test]
async fn a_chunked_message_is_one() {
    let node = listen(echoing()).await;
    let mut peer = Peer::connect(node.address()).await;

    peer.send(message("")).await;
    let head =
        format!("POST / HTTP/1.1\r\nHost: localhost\r\n{OPEN}Transfer-Encoding: chunked\r\n\r\n");
    peer.send(head + "2\r\n\"a\r\n3\r\nbc\"\r\n0\r\n\r\n").await;

    assert_eq!(peer.receive().await.text(), "\"abc\"");
}

#[tokio::test]
async fn an_endpoint_that_does_not_stream_answers_the_first_message() {
    let node = listen(echoing()).await;
    let mut peer = Peer::connect(node.address()).await;

    let headers = OPEN.replace("Greeter.Stream", "Greeter.Hello");
    peer.send(post("/", &headers, "1")).await;

    assert_eq!(peer.receive().await.text(), "1");
    assert!(is_end(&peer.receive().await));
}

#[tokio::test]
async fn a_stream_that_is_not_accepted_says_why_and_is_closed() {
    let node = listen(failing(|| {
        Error::not_found("greeter", "no such stream").never_reached()
    }))
    .await;
    let mut peer = Peer::connect(node.address()).await;

    let reply = peer.exchange(message("{}")).await;

    assert_eq!((reply.status(), reply.failure().code()), (200, 404));
    assert_eq!(reply.get("micro-reached"), Some("no"));
    assert_eq!(peer.closed().await, b"");
}

#[tokio::test]
async fn what_fails_in_the_middle_comes_behind_what_came_before() {
    let node = listen(by(|request| async move {
        let items = stream::iter([Ok("1".into()), Err(Error::conflict("greeter", "no more"))]);
        Ok(Response::new(
            request.content_type,
            Body::Stream(items.boxed()),
        ))
    }))
    .await;
    let mut peer = Peer::connect(node.address()).await;

    assert_eq!(peer.exchange(message("{}")).await.text(), "1");
    assert_eq!(peer.receive().await.failure().code(), 409);
}

#[tokio::test]
async fn a_caller_who_closes_cancels_its_handler() {
    let (accept, mut words) = pending();
    let node = listen(accept).await;
    let mut peer = Peer::connect(node.address()).await;
    peer.send(message("{}")).await;
    assert_eq!(words.recv().await, Some("called"));

    drop(peer);

    assert_eq!(words.recv().await, Some("dropped"));
}

/// What a stream is answered that goes on with these bytes, if its limits are these.
async fn answered(limits: Limits, bytes: impl AsRef<[u8]>) -> (Error, Option<&'static str>) {
    let (accept, mut words) = pending();
    let node = listen_with(limits, accept).await;
    let mut peer = Peer::connect(node.address()).await;
    peer.send(message("{}")).await;
    words.recv().await.unwrap();

    peer.send(bytes).await;
    let reply = peer.receive().await;

    (reply.failure(), words.recv().await)
}

#[tokio::test]
async fn what_is_no_message_ends_the_stream_and_its_handler() {
    let head = format!("POST / HTTP/1.1\r\nHost: localhost\r\n{OPEN}");
    for bytes in [
        "\x01\x02\x03\r\n\r\n".to_owned(),
        format!("{head}Content-Length: -1\r\n\r\n"),
        format!("{head}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"),
        format!("{head}Transfer-Encoding: chunked\r\n\r\nx\r\n"),
    ] {
        let (error, handler) = answered(patient(|_| {}), &bytes).await;

        assert_eq!((error.code(), handler), (400, Some("dropped")), "{bytes}");
    }
}

#[tokio::test]
async fn a_request_that_is_not_of_the_stream_ends_it() {
    let other = OPEN.replace("Micro-Stream: 7", "Micro-Stream: 8");
    let none = OPEN.replace("Micro-Stream: 7\r\n", "");
    for bytes in [
        post("/Greeter/Stream", OPEN, "{}"),
        post("/", &other, "{}"),
        post("/", &none, "{}"),
        message("{}").replace("POST", "PUT"),
    ] {
        let (error, handler) = answered(patient(|_| {}), &bytes).await;

        assert_eq!((error.code(), handler), (400, Some("dropped")), "{bytes}");
        assert!(error.detail().contains("proxies"), "{error}");
    }
}

#[tokio::test]
async fn what_is_too_large_ends_the_stream_with_the_limit() {
    let head = format!("POST / HTTP/1.1\r\nHost: localhost\r\n{OPEN}");
    for bytes in [
        format!("{head}Content-Length: 11\r\n\r\n"),
        format!("{head}Content-Length: 18446744073709551615\r\n\r\n"),
        format!("{head}Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF\r\n"),
        format!(
            "{head}Transfer-Encoding: chunked\r\n\r\n{}",
            "2\r\nab\r\n".repeat(6)
        ),
    ] {
        let (error, handler) = answered(patient(|limits| limits.message = 10), &bytes).await;

        assert_eq!((error.code(), handler), (413, Some("dropped")), "{bytes}");
        assert!(error.detail().contains("max_message"), "{error}");
    }
}

#[tokio::test]
async fn a_head_without_end_ends_the_stream() {
    for bytes in [
        "a".repeat(5000),
        format!("POST / HTTP/1.1\r\n{}", "a: b\r\n".repeat(2000)),
        format!("POST / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(101)),
    ] {
        let (error, handler) = answered(patient(|limits| limits.head = 4096), &bytes).await;

        assert_eq!((error.code(), handler), (431, Some("dropped")));
    }
}

#[tokio::test]
async fn a_message_that_stops_halfway_ends_the_stream() {
    let limits = patient(|limits| limits.head_timeout = SHORT);

    let (error, handler) = answered(limits, "POST / HTTP/1.1\r\nHost").await;

    assert_eq!((error.code(), handler), (408, Some("dropped")));
}

#[tokio::test]
async fn a_caller_who_does_not_read_ends_its_stream() {
    let endless = by(|request| async move {
        let item = bytes::Bytes::from("1".repeat(1 << 20));
        let items = stream::repeat_with(move || Ok(item.clone()));
        Ok(Response::new(
            request.content_type,
            Body::Stream(items.boxed()),
        ))
    });
    let limits = patient(|limits| {
        limits.head_timeout = SHORT;
        limits.body_rate = usize::MAX;
    });
    let node = listen_with(limits, endless).await;
    let mut peer = Peer::connect(node.address()).await;

    peer.send(message("{}")).await;

    let patience = Duration::from_secs(10);
    tokio::time::timeout(patience, node.drain())
        .await
        .expect("the stream is still there");
}

#[tokio::test]
async fn a_handler_that_takes_nothing_holds_its_caller_up() {
    let node = listen(by(|request| async move {
        let held = request.body;
        let items = stream::once(async move {
            let _held = held;
            std::future::pending().await
        });
        Ok(Response::new(
            request.content_type,
            Body::Stream(items.boxed()),
        ))
    }))
    .await;
    let mut peer = Peer::connect(node.address()).await;
    peer.send(message("{}")).await;
    let large = message(&format!("\"{}\"", "a".repeat(1 << 20)));

    let flooding = async {
        for _ in 0..100 {
            peer.send(&large).await;
        }
    };

    let held_up = tokio::time::timeout(Duration::from_secs(1), flooding).await;
    assert!(held_up.is_err(), "100 MiB were taken in");
}

#[tokio::test]
async fn a_call_of_an_older_caller_whose_body_is_slow_is_answered_as_any_other() {
    let limits = patient(|limits| limits.head_timeout = SHORT);
    let node = listen_with(limits, echoing()).await;
    let mut peer = Peer::connect(node.address()).await;

    let call = post(
        "/",
        "Content-Type: application/json\r\n",
        "{\"method\":\"Greeter.Stream\"}",
    );
    peer.send(&call[..call.len() - 5]).await;

    assert_eq!(peer.receive().await.status(), 408);
}
