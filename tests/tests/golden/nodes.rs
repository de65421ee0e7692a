//! Our client calls older nodes: v0, ja-micro, and later ones that do not say that they are.

use std::time::{Duration, Instant};

use micro::message::{Body, ContentType, Request, Response};
use micro::registry::Service;
use micro::transport::{Facts, HttpTransport, Limits, Transport};
use micro::{Error, Result};
use serde_json::Value;

use crate::capture::{unhex, vector};
use crate::raw::{Message, Node, Peer};

/// What the records of older nodes say, which name no protocol.
fn older() -> Facts {
    [("transport", "http"), ("server", "rpc")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
}

fn call(content_type: ContentType, body: &'static [u8]) -> Request {
    let mut request = Request::new("greeter", "Greeter.Hello");
    request.content_type = content_type;
    request.deadline = Some(Instant::now() + Duration::from_secs(5));
    request.body = Body::Bytes(body.into());
    request
}

fn reply(headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let mut bytes =
        format!("HTTP/1.1 200 OK\r\n{headers}Content-Length: {length}\r\n\r\n").into_bytes();
    bytes.extend(body);
    bytes
}

/// Makes `request` to an older node that answers with these bytes; the outcome, and what our client wrote.
async fn made(request: Request, reply: Vec<u8>) -> (Result<Response>, Message) {
    let node = Node::bind().await;
    let channel = HttpTransport::new(Limits::default())
        .dial(&node.address(), &older())
        .unwrap();
    let serving = async {
        let mut peer: Peer = node.accept().await;
        let request = peer.receive().await;
        peer.send(reply).await;
        request
    };
    tokio::join!(channel.call(request), serving)
}

/// What our client makes of a reply with this body.
async fn read(content_type: ContentType, body: &[u8]) -> Result<String> {
    let (outcome, _) = made(call(content_type, b"{}"), reply("", body)).await;
    Ok(String::from_utf8(outcome?.body.into_bytes()?.to_vec()).unwrap())
}

async fn failed(content_type: ContentType, body: &[u8]) -> Error {
    read(content_type, body).await.unwrap_err()
}

#[tokio::test]
async fn a_protobuf_call_goes_in_the_envelope_that_v1_writes() {
    let captured = vector("http-request-v1-to-legacy-node");
    let request = call(ContentType::PROTOBUF, b"\n\x04John");

    let (_, ours) = made(request, reply("", b"\0\0\0\0\0\0\0\0")).await;

    assert_eq!(
        ours.get("accept").map(Value::from).as_ref(),
        Some(&captured["accept"])
    );
    assert_eq!(
        ours.get("content-type").map(Value::from).as_ref(),
        Some(&captured["content_type"])
    );
    assert_eq!(ours.body, unhex(&captured["body_hex"]));
    assert_eq!(ours.get("micro-endpoint"), Some("Greeter.Hello"));
}

#[tokio::test]
async fn a_json_call_goes_as_json_rpc() {
    let request = call(ContentType::JSON, br#"{"name":"John"}"#);

    let (_, ours) = made(request, reply("", b"{\"result\":{}}")).await;

    assert_eq!(ours.get("content-type"), Some("application/json-rpc"));
    assert_eq!(
        ours.text(),
        "{\"method\":\"Greeter.Hello\",\"params\":[{\"name\":\"John\"}],\"id\":\"0\"}\n"
    );
}

#[tokio::test]
async fn replies_of_all_generations_are_read() {
    let ja = vector("ja-json-response")["response_value"].to_string();
    let v1 = vector("jsonrpc-response-v1v6")["text"].clone();
    let frames = [
        vector("protorpc-frame-response-v1")["hex"].clone(),
        vector("protorpc-frame-response-v6")["hex"].clone(),
        vector("ja-server-response-proto")["body_hex"].clone(),
    ];

    for frame in frames {
        assert_eq!(
            read(ContentType::PROTOBUF, &unhex(&frame)).await.unwrap(),
            "\n\nHello John"
        );
    }
    for text in [&*ja, v1.as_str().unwrap()] {
        assert_eq!(
            read(ContentType::JSON, text.as_bytes()).await.unwrap(),
            r#"{"msg":"Hello John"}"#
        );
    }
}

// Later servers of go-micro make this id of the null that they were sent.
#[tokio::test]
async fn a_reply_whose_id_is_no_id_is_read() {
    let reply = vector("jsonrpc-response-v1v6-idnull")["text"].clone();

    let body = read(ContentType::JSON, reply.as_str().unwrap().as_bytes()).await;

    assert_eq!(body.unwrap(), r#"{"msg":"Hello Bob"}"#);
}

#[tokio::test]
async fn a_whole_reply_of_v0_is_read() {
    let request = call(ContentType::PROTOBUF, b"\n\x04John");

    let (outcome, _) = made(request, unhex(&vector("http-response-v0-proto")["hex"])).await;

    let reply = outcome.unwrap();
    assert_eq!(reply.content_type, ContentType::PROTOBUF);
    assert_eq!(reply.body.into_bytes().unwrap(), "\n\nHello John");
}

#[tokio::test]
async fn errors_of_all_generations_are_read() {
    let v6 = failed(
        ContentType::PROTOBUF,
        &unhex(&vector("protorpc-frame-error-v6")["hex"]),
    )
    .await;
    let v0 = failed(
        ContentType::JSON,
        vector("jsonrpc-error-v0")["text"]
            .as_str()
            .unwrap()
            .as_bytes(),
    )
    .await;
    let bare = vector("jsonrpc-error-v0-no-service");
    let bare = failed(ContentType::JSON, bare["text"].as_str().unwrap().as_bytes()).await;

    for error in [v6, v0] {
        assert_eq!(
            (error.code(), error.id(), error.detail()),
            (400, "greeter.hello", "bad name err")
        );
        assert!(error.is_downstream() && !error.is_never_reached());
    }
    assert_eq!(
        (bare.code(), bare.detail()),
        (500, "rpc: can't find service Nope.Hello")
    );
}

#[tokio::test]
async fn errors_of_ja_micro_keep_their_category() {
    let json = vector("ja-json-error")["text"].clone();
    let unknown = vector("ja-json-unknown-method")["value"].to_string();
    let frame = unhex(&vector("ja-server-error-proto")["body_hex"]);

    let json = failed(ContentType::JSON, json.as_str().unwrap().as_bytes()).await;
    let framed = failed(ContentType::PROTOBUF, &frame).await;
    let unknown = failed(ContentType::JSON, unknown.as_bytes()).await;

    assert_eq!((json.code(), json.detail()), (400, "boom"));
    assert_eq!((framed.code(), framed.detail()), (400, "boom"));
    assert_eq!(
        (unknown.code(), unknown.detail()),
        (400, "No handler registered for method 'No.Such'")
    );
}

#[tokio::test]
async fn an_error_of_ja_micro_that_is_a_status_too_is_the_same() {
    let text = vector("ja-json-error")["text"].clone();
    let text = text.as_str().unwrap();
    let status = vector("ja-json-error")["status_expose_errors"].to_string();
    let bytes = reply("", text.as_bytes());
    let bytes = String::from_utf8(bytes)
        .unwrap()
        .replacen("200 OK", &format!("{status} Bad"), 1);

    let (outcome, _) = made(call(ContentType::JSON, b"{}"), bytes.into_bytes()).await;

    assert_eq!(outcome.unwrap_err().detail(), "boom");
}

#[tokio::test]
async fn a_page_is_no_reply() {
    let page = b"HTTP/1.1 503 Away\r\nContent-Length: 4\r\n\r\nbusy".to_vec();

    let (outcome, _) = made(call(ContentType::JSON, b"{}"), page).await;

    let error = outcome.unwrap_err();
    assert_eq!(error.code(), 502);
    assert!(
        error.detail().contains("503") && error.detail().contains("busy"),
        "{error}"
    );
}

#[tokio::test]
async fn a_connection_is_not_used_again_after_an_error() {
    let node = Node::bind().await;
    let channel = HttpTransport::new(Limits::default())
        .dial(&node.address(), &older())
        .unwrap();
    let error = reply(
        "",
        vector("jsonrpc-error-v0")["text"]
            .as_str()
            .unwrap()
            .as_bytes(),
    );
    let serving = async {
        for _ in 0..2 {
            let mut peer = node.accept().await;
            peer.receive().await;
            peer.send(&error).await;
            peer.closed().await;
        }
    };
    let calling = async {
        for _ in 0..2 {
            assert!(channel.call(call(ContentType::JSON, b"{}")).await.is_err());
        }
    };

    tokio::join!(calling, serving);
}

#[test]
fn a_record_of_v0_has_its_port_apart_from_the_host() {
    let text = vector("json-service-v0")["text"]
        .as_str()
        .unwrap()
        .to_owned();

    let service: Service = serde_json::from_str(&text).unwrap();

    assert_eq!(service.nodes[0].address, "10.0.0.1:8080");
    assert_eq!(service.endpoints[0].name, "Greeter.Hello");
}
