//! What a call over HTTP means to its caller.

use std::sync::Arc;
use std::time::{Duration, Instant};

use micro::message::{Body, ContentType};
use micro::transport::{Channel, Facts, HttpTransport, Limits, Transport};
use micro::{Error, Result};

use crate::handlers::{by, echo, failing, hello, limits, listen, pending, recording, reply};
use crate::raw::{Message, Node};

fn dial(address: &str) -> Arc<dyn Channel> {
    dial_with(Limits::default(), address)
}

fn dial_with(limits: Limits, address: &str) -> Arc<dyn Channel> {
    HttpTransport::new(limits)
        .dial(address, &Facts::new())
        .unwrap()
}

/// What a call meets whose node answers with `reply`; and the request.
async fn answered(reply: &'static str) -> (Result<String>, Message) {
    let node = Node::bind().await;
    let channel = dial(&node.address());
    let serving = async {
        let mut peer = node.accept().await;
        let request = peer.receive().await;
        peer.send(reply).await;
        request
    };

    let (outcome, request) = tokio::join!(text(&*channel, "{}"), serving);
    (outcome, request)
}

async fn text(channel: &dyn Channel, body: &'static str) -> Result<String> {
    let bytes = channel.call(hello(body)).await?.body.into_bytes()?;
    Ok(String::from_utf8(bytes.into()).unwrap())
}

#[tokio::test]
async fn a_call_reaches_the_handler_and_its_reply_the_caller() {
    let node = listen(by(|request| async move {
        let mut reply = reply(&request, "[1]");
        reply.metadata.set("x-cost", "3");
        Ok(reply)
    }))
    .await;

    let reply = dial(node.address()).call(hello("{}")).await.unwrap();

    assert_eq!(reply.content_type, ContentType::JSON);
    assert_eq!(reply.metadata, [("x-cost", "3")].into_iter().collect());
    assert_eq!(reply.body.into_bytes().unwrap(), "[1]");
}

#[tokio::test]
async fn a_call_carries_its_head() {
    let (accept, mut calls) = recording();
    let node = listen(accept).await;

    let mut request = hello("{}");
    request.accept = Some(ContentType::MSGPACK);
    request.metadata.set("X-User", "42");
    request.deadline = Some(Instant::now() + Duration::from_secs(5));
    dial(node.address()).call(request).await.unwrap();

    let call = calls.recv().await.unwrap();
    assert_eq!(
        (&*call.service, &*call.endpoint),
        ("greeter", "Greeter.Hello")
    );
    assert_eq!(
        (call.content_type, call.accept),
        (ContentType::JSON, Some(ContentType::MSGPACK))
    );
    assert_eq!(call.metadata, [("x-user", "42")].into_iter().collect());
    assert!(call.deadline.unwrap() <= Instant::now() + Duration::from_secs(5));
}

#[tokio::test]
async fn a_large_message_crosses_whole() {
    let node = listen(echo()).await;
    let body: Vec<u8> = (0..3_000_000_u32)
        .flat_map(|number| [number as u8])
        .collect();

    let mut request = hello("");
    request.body = Body::Bytes(body.clone().into());
    let reply = dial(node.address()).call(request).await.unwrap();

    assert!(reply.body.into_bytes().unwrap() == body);
}

#[tokio::test]
async fn an_error_arrives_as_itself() {
    let node = listen(failing(|| Error::conflict("greeter", "taken\nby Ann"))).await;

    let error = text(&*dial(node.address()), "{}").await.unwrap_err();

    assert_eq!(
        (error.code(), error.id(), error.detail()),
        (409, "greeter", "taken\nby Ann")
    );
    assert!(error.is_downstream() && !error.is_never_reached());
}

#[tokio::test]
async fn a_call_that_was_refused_arrives_as_never_reached() {
    let node = listen(failing(|| {
        Error::unavailable("greeter", "draining").never_reached()
    }))
    .await;

    let error = text(&*dial(node.address()), "{}").await.unwrap_err();

    assert_eq!(error.code(), 503);
    assert!(error.is_never_reached() && error.is_downstream());
}

#[tokio::test]
async fn an_error_of_a_peer_that_is_not_ours_may_have_run() {
    let (outcome, _) =
        answered("HTTP/1.1 200 OK\r\nX-Micro-Error: EOF\r\nContent-Length: 0\r\n\r\n").await;

    let error = outcome.unwrap_err();
    assert_eq!((error.code(), error.detail()), (500, "EOF"));
    assert!(error.is_downstream() && !error.is_never_reached());
}

#[tokio::test]
async fn a_page_that_is_no_reply_is_a_bad_gateway() {
    let reply = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 12\r\n\r\nproxy is ill";
    let (outcome, _) = answered(reply).await;

    let error = outcome.unwrap_err();
    assert_eq!(error.code(), 502);
    assert!(error.detail().contains("127.0.0.1:"), "{error}");
    assert!(
        error
            .detail()
            .contains("503 Service Unavailable: proxy is ill"),
        "{error}"
    );
    assert!(!error.is_never_reached());
}

#[tokio::test]
async fn what_is_not_http_is_a_bad_gateway() {
    let (outcome, _) = answered("SSH-2.0-OpenSSH_9.2\r\n\r\n").await;

    assert_eq!(outcome.unwrap_err().code(), 502);
}

#[tokio::test]
async fn a_content_type_that_go_micro_does_not_know_is_unsupported() {
    let reply = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 34\r\n\r\nUnsupported Content-Type: text/csv";
    let (outcome, _) = answered(reply).await;

    let error = outcome.unwrap_err();
    assert_eq!(error.code(), 415);
    assert!(
        error
            .detail()
            .contains("Unsupported Content-Type: text/csv"),
        "{error}"
    );
}

#[tokio::test]
async fn a_value_of_metadata_cannot_add_a_header() {
    let (accept, mut calls) = recording();
    let node = listen(accept).await;

    let mut request = hello("{}");
    request
        .metadata
        .set("x-user", "42\r\nX-Admin: yes\r\n\r\nPOST / HTTP/1.1");
    dial(node.address()).call(request).await.unwrap();

    let metadata = calls.recv().await.unwrap().metadata;
    assert_eq!(metadata.len(), 1);
    assert_eq!(
        metadata.get("x-user"),
        Some("42  X-Admin: yes    POST / HTTP/1.1")
    );
}

#[tokio::test]
async fn a_metadata_key_that_http_cannot_write_is_named() {
    let node = listen(echo()).await;

    let mut request = hello("{}");
    request.metadata.set(":topic", "t");
    let error = dial(node.address()).call(request).await.unwrap_err();

    assert_eq!(error.code(), 400);
    assert!(error.detail().contains(":topic"), "{error}");
}

#[tokio::test]
async fn a_node_that_is_not_there_was_never_reached() {
    let address = Node::bind().await.address();

    let error = text(&*dial(&address), "{}").await.unwrap_err();

    assert_eq!(error.code(), 503);
    assert!(error.is_never_reached());
    assert!(error.detail().contains(&address), "{error}");
}

#[tokio::test]
async fn a_call_whose_connection_breaks_may_have_run() {
    let (outcome, _) = answered("").await;

    let error = outcome.unwrap_err();
    assert_eq!(error.code(), 503);
    assert!(!error.is_never_reached());
    assert!(error.detail().contains("Greeter.Hello"), "{error}");
}

#[tokio::test]
async fn a_call_whose_time_has_run_out_is_not_sent() {
    let (accept, mut calls) = recording();
    let node = listen(accept).await;

    let mut request = hello("{}");
    request.deadline = Some(Instant::now());
    let error = dial(node.address()).call(request).await.unwrap_err();

    assert_eq!(error.code(), 408);
    assert!(error.is_never_reached());
    assert!(calls.try_recv().is_err());
}

#[tokio::test]
async fn a_message_over_the_limit_is_not_sent() {
    let (accept, mut calls) = recording();
    let node = listen(accept).await;

    let channel = dial_with(limits(|limits| limits.message = 10), node.address());
    let error = text(&*channel, "12345678901").await.unwrap_err();

    assert_eq!(error.code(), 413);
    for part in ["11 bytes", "10 bytes", "max_message"] {
        assert!(error.detail().contains(part), "{error}");
    }
    assert!(calls.try_recv().is_err());
}

#[tokio::test]
async fn a_reply_over_the_limit_is_an_error_that_names_the_node() {
    let node = listen(by(
        |request| async move { Ok(reply(&request, "12345678901")) },
    ))
    .await;

    let channel = dial_with(limits(|limits| limits.message = 10), node.address());
    let error = text(&*channel, "{}").await.unwrap_err();

    assert_eq!(error.code(), 413);
    assert!(error.detail().contains(node.address()), "{error}");
}

#[tokio::test]
async fn dropping_a_call_cancels_it_at_the_far_end() {
    let (accept, mut words) = pending();
    let node = listen(accept).await;
    let channel = dial(node.address());
    let call = tokio::spawn(async move { channel.call(hello("{}")).await });
    assert_eq!(words.recv().await, Some("called"));

    call.abort();

    assert_eq!(words.recv().await, Some("dropped"));
}

#[tokio::test]
async fn a_stream_to_a_node_that_is_not_there_never_reached_it() {
    let error = dial("127.0.0.1:1").open(hello("{}")).await.unwrap_err();

    assert_eq!(error.code(), 503);
    assert!(error.is_never_reached());
}

#[test]
fn what_is_no_address_cannot_be_dialled() {
    for address in [
        "",
        "host",
        "host:",
        ":80",
        "host:0",
        "host:99999",
        "http://host:80",
        "a b:80",
        "a\r\n:80",
    ] {
        let error = HttpTransport::default()
            .dial(address, &Facts::new())
            .unwrap_err();

        assert_eq!(error.code(), 400, "{address:?}");
    }
}

#[tokio::test]
async fn an_address_in_use_cannot_be_bound() {
    let node = listen(echo()).await;

    let error = HttpTransport::default()
        .listen(node.address(), echo())
        .await
        .unwrap_err();

    assert_eq!(error.code(), 503);
    assert!(error.detail().contains(node.address()), "{error}");
}
