//! Streams of go-micro: messages back to back, in the bytes that were captured, to our server and to our client.

use futures_util::{SinkExt, StreamExt};
use micro::message::{ContentType, Request};
use micro::transport::{Facts, HttpTransport, Limits, Socket, Transport};
use micro::{Error, Result};

use crate::capture::{Exchange, unhex, vector};
use crate::greeter;
use crate::raw::{Message, Node, Peer};

/// Our server answers the captured messages as that one did, up to its last.
async fn replay(exchange: &Exchange, sent: usize) {
    let node = greeter::listen().await;
    let mut peer = Peer::connect(node.address()).await;

    for request in &exchange.requests[..sent] {
        peer.send(request.bytes()).await;
    }

    for captured in &exchange.replies {
        let ours = peer.receive().await;
        assert_eq!(ours.status(), 200);
        assert_eq!(ours.get("content-type"), captured.get("content-type"));
        for name in ["micro-id", "micro-stream"] {
            assert_eq!(ours.get(name), captured.get(name), "{name}");
        }
        assert_eq!(trimmed(&ours.body), trimmed(&captured.body));
        // Older generations have it in the body alone; there it does no harm.
        if let Some(error) = captured.get("micro-error") {
            assert_eq!(
                (ours.get("micro-error"), ours.get("x-micro-error")),
                (Some(error), Some(error))
            );
        }
    }
}

/// Go ends JSON with a line feed, which no reader needs.
fn trimmed(body: &[u8]) -> String {
    String::from_utf8_lossy(body.trim_ascii_end()).into_owned()
}

#[tokio::test]
async fn a_stream_of_v0_in_proto_rpc_is_answered_as_v0_does() {
    let exchange = Exchange::v0("stream proto");
    let last = exchange.replies.last().unwrap();
    assert_eq!(last.body, unhex(&vector("protorpc-stream-eos-v0")["hex"]));

    replay(&exchange, 2).await;
}

#[tokio::test]
async fn a_stream_of_v0_in_json_rpc_that_fails_says_so_as_v0_does() {
    replay(&Exchange::v0("stream json err"), 2).await;
}

#[tokio::test]
async fn a_stream_of_v1_in_protobuf_is_answered_as_v1_does() {
    replay(&Exchange::v1("stream protobuf John"), 2).await;
}

#[tokio::test]
async fn a_stream_of_v1_that_fails_says_so_as_v1_does() {
    replay(&Exchange::v1("stream protobuf serr"), 2).await;
}

#[tokio::test]
async fn a_stream_that_v1_leaves_early_is_closed() {
    let exchange = Exchange::v1("stream json client close early");
    let node = greeter::listen().await;
    let mut peer = Peer::connect(node.address()).await;
    for request in &exchange.requests[..2] {
        peer.send(request.bytes()).await;
    }
    for captured in &exchange.replies {
        assert_eq!(trimmed(&peer.receive().await.body), trimmed(&captured.body));
    }

    peer.send(exchange.requests[2].bytes()).await;
    drop(peer);

    // The handler would wait for ever.
    node.drain().await;
}

#[tokio::test]
async fn all_that_a_client_of_v1_writes_may_come_at_once() {
    let bytes = unhex(&vector("http-stream-v1-client")["hex"]);
    let node = greeter::listen().await;
    let mut peer = Peer::connect(node.address()).await;

    peer.send(bytes).await;

    let messages = vector("http-stream-v1-server")["messages"].clone();
    for captured in messages.as_array().unwrap() {
        assert_eq!(peer.receive().await.body, unhex(&captured["body_hex"]));
    }
}

/// A stream that our client opened to a node which its record describes so, and that node's end.
async fn opened(content_type: ContentType, facts: &[(&str, &str)]) -> (Socket, Peer) {
    let node = Node::bind().await;
    let facts = facts
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let facts: Facts = facts.collect();
    let channel = HttpTransport::new(Limits::default())
        .dial(&node.address(), &facts)
        .unwrap();
    let mut request = Request::new("greeter", "Greeter.Stream");
    request.content_type = content_type;
    let (socket, peer) = tokio::join!(channel.open(request), node.accept());
    (socket.unwrap(), peer)
}

const MUCP: &[(&str, &str)] = &[("protocol", "mucp"), ("transport", "http")];
const OLDER: &[(&str, &str)] = &[("transport", "http")];

async fn answer(peer: &mut Peer, exchange: &Exchange) {
    for reply in &exchange.replies {
        peer.send(reply.bytes()).await;
    }
}

async fn items(socket: Socket) -> Vec<Result<String, Error>> {
    let items = socket.incoming.await.unwrap().body.into_stream();
    let text = |item: Result<bytes::Bytes>| {
        item.map(|item| String::from_utf8_lossy(item.trim_ascii()).into_owned())
    };
    items.map(text).collect().await
}

fn heads(message: &Message) -> Vec<(&str, Option<&str>)> {
    [
        "content-type",
        "micro-endpoint",
        "micro-id",
        "micro-method",
        "micro-service",
        "micro-stream",
        "micro-error",
    ]
    .map(|name| (name, message.get(name)))
    .into()
}

#[tokio::test]
async fn our_client_opens_a_stream_as_v1_does() {
    let captured = Exchange::v1("stream protobuf John");
    let (mut socket, mut peer) = opened(ContentType::PROTOBUF, MUCP).await;

    socket
        .outgoing
        .send(Ok(captured.requests[1].body.clone().into()))
        .await
        .unwrap();

    for wanted in &captured.requests[..2] {
        let ours = peer.receive().await;
        assert_eq!((heads(&ours), &ours.body), (heads(wanted), &wanted.body));
    }
}

// go-micro's handlers get the text of `Micro-Error` as the error of what they receive.
#[tokio::test]
async fn our_client_says_how_its_side_of_a_stream_failed() {
    let (mut socket, mut peer) = opened(ContentType::PROTOBUF, MUCP).await;

    let failed = Error::internal("caller", "no more of it");
    socket.outgoing.send(Err(failed)).await.unwrap();

    peer.receive().await;
    assert_eq!(peer.receive().await.failure().detail(), "no more of it");
}

#[tokio::test]
async fn our_client_reads_a_stream_of_v1() {
    let (socket, mut peer) = opened(ContentType::PROTOBUF, MUCP).await;

    answer(&mut peer, &Exchange::v1("stream protobuf John")).await;

    let items = items(socket)
        .await
        .into_iter()
        .map(Result::unwrap)
        .collect::<Vec<_>>();
    assert_eq!(items, ["\u{6}John 0", "\u{6}John 1"]);
}

#[tokio::test]
async fn our_client_reads_how_a_stream_of_v1_failed() {
    let (socket, mut peer) = opened(ContentType::PROTOBUF, MUCP).await;

    answer(&mut peer, &Exchange::v1("stream protobuf serr")).await;

    let last = items(socket).await.pop().unwrap().unwrap_err();
    assert_eq!(
        (last.code(), last.id(), last.detail()),
        (403, "greeter.stream", "nope")
    );
}

#[tokio::test]
async fn our_client_reads_a_stream_of_v0() {
    let (socket, mut peer) = opened(ContentType::PROTOBUF, OLDER).await;

    answer(&mut peer, &Exchange::v0("stream proto")).await;

    let items = items(socket)
        .await
        .into_iter()
        .map(Result::unwrap)
        .collect::<Vec<_>>();
    assert_eq!(items, ["\u{6}John 0", "\u{6}John 1"]);
}

#[tokio::test]
async fn our_client_reads_how_a_stream_of_v0_failed() {
    let (socket, mut peer) = opened(ContentType::JSON, OLDER).await;

    answer(&mut peer, &Exchange::v0("stream json err")).await;

    let items = items(socket).await;
    assert_eq!(items[1].as_ref().unwrap(), r#"{"msg":"serr 1"}"#);
    assert_eq!(items[2].as_ref().unwrap_err().code(), 403);
}

#[tokio::test]
async fn our_client_numbers_the_messages_of_a_stream_to_an_older_node() {
    let (mut socket, mut peer) = opened(ContentType::JSON, OLDER).await;

    socket
        .outgoing
        .send(Ok(r#"{"name":"John"}"#.into()))
        .await
        .unwrap();

    let open = peer.receive().await;
    assert_eq!(
        open.text(),
        "{\"method\":\"Greeter.Stream\",\"params\":[{}],\"id\":\"0\"}\n"
    );
    let first = peer.receive().await;
    assert_eq!(
        first.text(),
        "{\"method\":\"Greeter.Stream\",\"params\":[{\"name\":\"John\"}],\"id\":\"1\"}\n"
    );
}

#[tokio::test]
async fn a_stream_that_is_cut_is_no_clean_end() {
    let (socket, mut peer) = opened(ContentType::PROTOBUF, MUCP).await;
    peer.send(Exchange::v1("stream protobuf John").replies[0].bytes())
        .await;

    drop(peer);

    let items = items(socket).await;
    assert!(items.last().unwrap().is_err(), "{items:?}");
}

#[tokio::test]
async fn dropping_a_stream_closes_its_connection() {
    let (socket, mut peer) = opened(ContentType::PROTOBUF, MUCP).await;
    peer.receive().await;

    drop(socket.incoming);

    assert_eq!(peer.closed().await, b"");
}
