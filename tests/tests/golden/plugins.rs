//! Envelopes that go-micro has in plugins: msgpack-rpc and bson-rpc.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use micro::codec::{Message as _, Plain};
use micro::message::{Body, ContentType, Request, Response};
use micro::transport::{Accept, Channel, Facts, HttpTransport, Limits, Transport};
use micro::{Error, Result};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use crate::capture::{unhex, vector};
use crate::raw::{Message, Node, Peer};

const MSGPACK_RPC: &str = "application/msgpack-rpc";
const BSON_RPC: &str = "application/bson-rpc";
/// `{"name":"John"}` in MessagePack.
const JOHN: &[u8] = b"\x81\xa4name\xa4John";

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Person {
    name: String,
}

fn bytes(id: &str) -> Vec<u8> {
    unhex(&vector(id)["hex"])
}

fn bson() -> ContentType {
    ContentType::new("application/bson")
}

fn john() -> Vec<u8> {
    let name = "John".to_owned();
    let mut message = Vec::new();
    let person = Plain(Person { name });
    Plain::format()
        .encode(&person, &bson(), &mut message)
        .unwrap();
    message
}

/// A call as a handler would have it.
#[derive(Debug, PartialEq)]
struct Seen(String, ContentType, Bytes);

/// Answers with what was sent, and tells of it.
struct Echo(mpsc::UnboundedSender<Seen>);

impl Accept for Echo {
    fn streams(&self, _: &Request) -> bool {
        false
    }

    fn call(&self, request: Request) -> BoxFuture<'static, Result<Response>> {
        let seen = self.0.clone();
        Box::pin(async move {
            let endpoint = request.endpoint.into_owned();
            let body = request.body.into_bytes()?;
            let content_type = request.content_type;
            let _ = seen.send(Seen(endpoint, content_type.clone(), body.clone()));
            Ok(Response::new(content_type, Body::Bytes(body)))
        })
    }
}

/// What our server makes of the body, and answers.
async fn taken(content_type: &str, body: &[u8]) -> (Seen, Message) {
    let (sender, mut seen) = mpsc::unbounded_channel();
    let transport = HttpTransport::new(Limits::default());
    let echo = Arc::new(Echo(sender));
    let node = transport.listen("127.0.0.1:0", echo).await.unwrap();
    let length = body.len();
    let head = format!(
        "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\n\r\n"
    );
    let call = [head.as_bytes(), body].concat();
    let reply = Peer::connect(node.address()).await.exchange(call).await;
    (seen.recv().await.unwrap(), reply)
}

/// Makes the call twice to a node that answers with `body`; returns the last outcome and the second request.
async fn made(
    outer: &str,
    inner: ContentType,
    message: Vec<u8>,
    body: &[u8],
) -> (Result<Response>, Message) {
    let node = Node::bind().await;
    let channel: Arc<dyn Channel> = HttpTransport::new(Limits::default())
        .dial(&node.address(), &Facts::new())
        .unwrap();
    let call = || {
        let mut request = Request::new("greeter", "Greeter.Hello");
        request.content_type = inner.clone();
        request.accept = Some(ContentType::new(outer));
        request.body = Body::Bytes(message.clone().into());
        channel.call(request)
    };
    let length = body.len();
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
    let reply = [head.as_bytes(), body].concat();
    let node_end = async {
        // Connections are not kept after errors.
        node.accept().await.exchange_with(&reply).await;
        node.accept().await.exchange_with(&reply).await
    };
    let calls = async {
        let _ = call().await;
        call().await
    };
    tokio::join!(calls, node_end)
}

impl Peer {
    async fn exchange_with(&mut self, reply: &[u8]) -> Message {
        let request = self.receive().await;
        self.send(reply).await;
        request
    }
}

#[tokio::test]
async fn the_call_of_msgpack_rpc_is_answered_in_kind() {
    let (seen, reply) = taken(MSGPACK_RPC, &bytes("msgpackrpc-request")).await;

    let endpoint = "Greeter.Hello".to_owned();
    assert_eq!(seen, Seen(endpoint, ContentType::MSGPACK, JOHN.into()));
    assert_eq!(reply.get("content-type"), Some(MSGPACK_RPC));
    assert_eq!(reply.body, [b"\x94\x01\x01\xc0", JOHN].concat());
}

#[tokio::test]
async fn the_notification_of_msgpack_rpc_is_a_call_without_an_id() {
    let (seen, reply) = taken(MSGPACK_RPC, &bytes("msgpackrpc-notification")).await;

    let topic = "t1".to_owned();
    assert_eq!(seen, Seen(topic, ContentType::MSGPACK, JOHN.into()));
    assert_eq!(reply.body, [b"\x94\x01\xc0\xc0", JOHN].concat());
}

#[tokio::test]
async fn the_call_of_bson_rpc_is_answered_in_kind() {
    let call = bytes("bsonrpc-request");

    let (seen, reply) = taken(BSON_RPC, &call).await;

    let endpoint = "Greeter.Hello".to_owned();
    assert_eq!(seen, Seen(endpoint, bson(), john().into()));
    assert_eq!(reply.get("content-type"), Some(BSON_RPC));
    // The header of a reply without an error is that of its call.
    assert_eq!(reply.body, call);
}

#[test]
fn the_message_of_bson_rpc_is_read() {
    let call = bytes("bsonrpc-request");
    let message = &call[usize::from(call[0])..];

    let Plain(read) = Plain::<Person>::format().decode(&bson(), message).unwrap();

    assert_eq!(read.name, "John");
}

#[tokio::test]
async fn our_client_writes_the_call_of_msgpack_rpc() {
    let refusal = bytes("msgpackrpc-error");

    let (_, ours) = made(MSGPACK_RPC, ContentType::MSGPACK, JOHN.into(), &refusal).await;

    assert_eq!(ours.get("content-type"), Some(MSGPACK_RPC));
    assert_eq!(ours.body, bytes("msgpackrpc-request"));
}

#[tokio::test]
async fn our_client_reads_the_error_of_msgpack_rpc() {
    let refusal = bytes("msgpackrpc-error");

    let (outcome, _) = made(MSGPACK_RPC, ContentType::MSGPACK, JOHN.into(), &refusal).await;

    let error: Error = outcome.unwrap_err();
    assert_eq!((error.code(), error.detail()), (500, "boom"));
}

#[tokio::test]
async fn our_client_writes_the_call_of_bson_rpc() {
    let refusal = b"\x14\0\0\0\x02Error\0\x04\0\0\0bad\0\0";

    let (outcome, ours) = made(BSON_RPC, bson(), john(), refusal).await;

    assert_eq!(ours.get("content-type"), Some(BSON_RPC));
    assert_eq!(ours.body, bytes("bsonrpc-request"));
    assert_eq!(outcome.unwrap_err().detail(), "bad");
}
