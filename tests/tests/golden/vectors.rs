//! Single messages: requests, replies, errors, and names of headers.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use micro::message::{Body, ContentType, Request, Response};
use micro::transport::{Channel, Facts, HttpTransport, Limits, Transport};
use micro::{Error, Metadata, Result};
use serde_json::Value;

use crate::greeter;
use crate::raw::{Message, Node, Peer};

const CAPTURE: &str = include_str!("../../golden/http.json");

fn vector(id: &str) -> Value {
    let all: Value = serde_json::from_str(CAPTURE).unwrap();
    let found = all["vectors"]
        .as_array()
        .unwrap()
        .iter()
        .find(|vector| vector["id"] == id);
    found
        .unwrap_or_else(|| panic!("there is no vector {id}"))
        .clone()
}

fn bytes(id: &str) -> Vec<u8> {
    let hex = vector(id)["hex"].as_str().unwrap().to_owned();
    (0..hex.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
        .collect()
}

fn message(id: &str) -> Message {
    Message::parse(&bytes(id)).unwrap().0
}

/// The call that the captured clients made.
fn call(content_type: ContentType, body: &'static [u8]) -> Request {
    let mut request = Request::new("greeter", "Greeter.Hello");
    request.content_type = content_type;
    request.deadline = Some(Instant::now() + Duration::from_secs(5));
    request.body = Body::Bytes(Bytes::from_static(body));
    request
}

/// Makes `request` to a node that answers with the bytes of `reply`; returns the outcome and what our client wrote.
async fn made(request: Request, reply: &str) -> (Result<Response>, Message) {
    let node = Node::bind().await;
    let channel: Arc<dyn Channel> = HttpTransport::new(Limits::default())
        .dial(&node.address(), &Facts::new())
        .unwrap();
    let serving = async {
        let mut peer = node.accept().await;
        let request = peer.receive().await;
        peer.send(bytes(reply)).await;
        request
    };
    tokio::join!(channel.call(request), serving)
}

/// Our client wrote what the captured one did, but for what is its own.
fn assert_same_request(ours: &Message, captured: &Message) {
    let names = |message: &Message| {
        message
            .headers
            .iter()
            .map(|(name, _)| name.clone())
            .collect::<BTreeSet<_>>()
    };
    assert_eq!(ours.start, captured.start);
    assert_eq!(names(ours), names(captured));
    for name in [
        "content-length",
        "accept",
        "content-type",
        "micro-endpoint",
        "micro-id",
        "micro-method",
        "micro-service",
    ] {
        assert_eq!(ours.get(name), captured.get(name), "{name}");
    }
    let left: u64 = ours.get("timeout").unwrap().parse().unwrap();
    assert!((4_000_000_000..=5_000_000_000).contains(&left), "{left}");
    assert_eq!(ours.body, captured.body);
}

#[tokio::test]
async fn our_client_writes_the_protobuf_call_of_v1() {
    let captured = message("http-request-v1-mucp-protobuf");
    let request = call(ContentType::PROTOBUF, b"\n\x04John");

    let (_, ours) = made(request, "http-response-v1-mucp-error").await;

    assert_same_request(&ours, &captured);
}

#[tokio::test]
async fn our_client_writes_the_json_call_of_v6() {
    let captured = message("http-request-v6-json");
    let request = call(ContentType::JSON, b"{\"name\":\"John\"}\n");

    let (_, ours) = made(request, "http-response-v6-json").await;

    assert_same_request(&ours, &captured);
}

// go-micro sends no bytes as an empty chunked body, we as a body of length 0: the same to every server.
#[tokio::test]
async fn our_client_writes_a_call_without_a_body_with_its_length() {
    let mut captured = message("http-request-v1-mucp-empty-body");
    for (name, value) in &mut captured.headers {
        if name == "transfer-encoding" {
            (*name, *value) = ("content-length".to_owned(), "0".to_owned());
        }
    }

    let (_, ours) = made(
        call(ContentType::PROTOBUF, b""),
        "http-response-v1-mucp-error",
    )
    .await;

    assert_same_request(&ours, &captured);
}

#[tokio::test]
async fn our_client_reads_the_error_of_v1() {
    let (outcome, _) = made(
        call(ContentType::PROTOBUF, b""),
        "http-response-v1-mucp-error",
    )
    .await;

    let error = outcome.unwrap_err();
    assert_eq!(
        (error.code(), error.id(), error.detail()),
        (400, "greeter.hello", "bad name err")
    );
    assert!(error.is_downstream() && !error.is_never_reached());
}

#[tokio::test]
async fn our_client_reads_the_json_reply_of_v6() {
    let (outcome, _) = made(call(ContentType::JSON, b"{}"), "http-response-v6-json").await;

    let reply = outcome.unwrap();
    assert_eq!(reply.content_type, ContentType::JSON);
    // What the server echoed of our head is no metadata.
    assert_eq!(reply.metadata, Metadata::new());
    assert_eq!(
        reply.body.into_bytes().unwrap(),
        "{\"msg\":\"Hello John\"}\n"
    );
}

#[tokio::test]
async fn our_server_reads_the_calls_of_v1_and_v6() {
    let calls = [
        ("http-request-v1-mucp-protobuf", &b"\n\nHello John"[..]),
        ("http-request-v1-mucp-empty-body", b""),
        ("http-request-v6-json", br#"{"msg":"Hello John"}"#),
    ];
    let node = greeter::listen().await;
    let mut peer = Peer::connect(node.address()).await;

    for (id, body) in calls {
        let reply = peer.exchange(bytes(id)).await;

        assert_eq!((reply.status(), &*reply.body), (200, body), "{id}");
    }
}

/// Our server's reply to a call with this content type.
async fn called_with(content_type: &str) -> Message {
    let node = greeter::listen().await;
    let call = format!(
        "POST / HTTP/1.1\r\nHost: localhost\r\nMicro-Endpoint: Greeter.Hello\r\nContent-Type: {content_type}\r\n\
         Content-Length: 14\r\n\r\n{{\"name\":\"Bob\"}}"
    );
    Peer::connect(node.address()).await.exchange(call).await
}

// go-micro answers with a text that its own client cannot read; ours is an error like any other.
#[tokio::test]
async fn a_content_type_that_nobody_knows_is_an_error_with_status_200() {
    let vector = vector("http-unsupported-ct");

    let reply = called_with(vector["request_content_type"].as_str().unwrap()).await;

    assert_eq!(Value::from(reply.status()), vector["status"]);
    assert_eq!(reply.failure().code(), 415);
    assert!(reply.failure().detail().contains("text/csv"));
}

// go-micro takes a content type with a parameter for another type; we do not.
#[tokio::test]
async fn a_content_type_with_a_charset_is_taken() {
    let vector = vector("http-ct-charset-rejected");

    let reply = called_with(vector["request_content_type"].as_str().unwrap()).await;

    assert_eq!(
        (reply.get("micro-error"), reply.text()),
        (None, r#"{"msg":"Hello Bob"}"#)
    );
}

#[test]
fn errors_are_written_as_go_micro_writes_them() {
    let plain = Error::bad_request("greeter.hello", "bad name err");
    let escaped = vector("error-json-escape");
    let detail = escaped["detail"].as_str().unwrap().to_owned();

    assert_eq!(Value::from(plain.to_json()), vector("error-json")["text"]);
    assert_eq!(
        Value::from(Error::internal("x", detail).to_json()),
        escaped["text"]
    );
}

#[test]
fn errors_are_read_as_go_micro_writes_them() {
    for id in ["error-json", "error-json-escape"] {
        let text = vector(id)["text"].as_str().unwrap().to_owned();

        assert_eq!(Error::from_wire(&text).to_json(), text, "{id}");
    }
}

#[test]
fn a_header_is_found_under_the_name_that_go_makes_of_it() {
    for id in [
        "canon-X-B3-TraceId",
        "canon-micro-id",
        "canon-Micro-ID",
        "canon-traceparent",
        "canon-X-Correlation-Id",
        "canon-c_topic",
    ] {
        let vector = vector(id);
        let (input, output) = (
            vector["input"].as_str().unwrap(),
            vector["output"].as_str().unwrap(),
        );
        let metadata = Metadata::from_iter([(input, "1")]);

        assert_eq!(metadata.get(output), Some("1"), "{input}");
    }
}
