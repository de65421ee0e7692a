//! Whole exchanges of a v1 client with a v1 server: our server answers its requests as that one did.

use micro::Error;

use crate::capture::unescape;
use crate::greeter;
use crate::raw::{Message, Peer};

const CAPTURE: &str = include_str!("../../golden/exchanges-v1.txt");

/// What was captured under `title`: requests and replies in order.
fn captured(title: &str) -> (Vec<Vec<u8>>, Vec<Message>) {
    let mut lines = CAPTURE
        .lines()
        .skip_while(|line| *line != format!("=== {title}"));
    assert!(lines.next().is_some(), "nothing was captured as {title:?}");
    let (mut requests, mut replies) = (Vec::new(), Vec::new());
    for line in lines.take_while(|line| !line.starts_with("===")) {
        if let Some(text) = line.strip_prefix(">> ") {
            requests.push(unescape(text));
        } else if let Some(text) = line.strip_prefix("<< ") {
            replies.push(message(&unescape(text)));
        }
    }
    (requests, replies)
}

/// The reply to a request that was written by hand, which the capture holds in quotes.
fn captured_by_hand(title: &str) -> Message {
    let (_, after) = CAPTURE.split_once(&format!("=== {title}\n<< \"")).unwrap();
    let (text, _) = after.split_once("\" read tcp").unwrap();
    message(&unescape(text))
}

fn message(bytes: &[u8]) -> Message {
    Message::parse(bytes).unwrap().0
}

/// The same to a reader of go-micro, whatever is echoed besides.
fn assert_means(ours: &Message, captured: &Message) {
    assert_eq!(ours.status(), captured.status());
    assert_eq!(ours.get("content-type"), captured.get("content-type"));
    assert_eq!(ours.get("micro-id"), captured.get("micro-id"));
    assert_eq!(value(&ours.body), value(&captured.body));
    assert_eq!(
        ours.get("content-length"),
        Some(&*ours.body.len().to_string())
    );
    for name in ["micro-error", "x-micro-error"] {
        match captured.get(name) {
            // Texts that are not JSON differ from release to release, and mean 500.
            Some(text) if !text.starts_with('{') => assert!(ours.get(name).is_some()),
            wanted => assert_eq!(ours.get(name), wanted),
        }
    }
}

/// Go ends JSON with a line feed, which no reader needs.
fn value(body: &[u8]) -> &[u8] {
    body.strip_suffix(b"\n").unwrap_or(body)
}

async fn replay(title: &str, calls: usize) {
    let node = greeter::listen().await;
    let mut peer = Peer::connect(node.address()).await;
    let (requests, replies) = captured(title);
    assert_eq!((requests.len(), replies.len()), (calls, calls));

    for (request, captured) in requests.iter().zip(&replies) {
        let ours = peer.exchange(request).await;

        assert_means(&ours, captured);
    }
}

#[tokio::test]
async fn protobuf_calls_on_one_connection_are_answered_as_go_micro_does() {
    replay("mucp protobuf unary x3 pooled, third has empty body", 3).await;
}

#[tokio::test]
async fn a_json_call_is_answered_as_go_micro_does() {
    replay("mucp application/json", 1).await;
}

#[tokio::test]
async fn errors_of_protobuf_calls_are_sent_as_go_micro_does() {
    replay("mucp errors application/protobuf", 2).await;
}

#[tokio::test]
async fn errors_of_json_calls_are_sent_as_go_micro_does() {
    replay("mucp errors application/json", 2).await;
}

/// Sends a call that was written by hand; returns our reply.
async fn by_hand(headers: &str, body: &[u8]) -> Message {
    let node = greeter::listen().await;
    let mut call = format!(
        "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n{headers}\r\n",
        body.len()
    )
    .into_bytes();
    call.extend_from_slice(body);
    Peer::connect(node.address()).await.exchange(call).await
}

#[tokio::test]
async fn one_micro_header_is_enough() {
    let calls = [
        ("raw new json with Micro-Endpoint only", "Micro-Endpoint"),
        ("raw X-Micro-Method only", "X-Micro-Method"),
        ("raw X-Micro-Endpoint only", "X-Micro-Endpoint"),
    ];

    for (title, name) in calls {
        let headers = format!("Content-Type: application/json\r\n{name}: Greeter.Hello\r\n");
        let ours = by_hand(&headers, br#"{"name":"Bob"}"#).await;

        assert_means(&ours, &captured_by_hand(title));
    }
}

#[tokio::test]
async fn a_call_without_a_content_type_is_protobuf() {
    let ours = by_hand("Micro-Endpoint: Greeter.Hello\r\n", b"\n\x03Bob").await;

    assert_means(&ours, &captured_by_hand("raw no ct"));
}

#[tokio::test]
async fn calls_sent_back_to_back_are_both_answered() {
    let call = |id: u8, name: &str| {
        format!(
            "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\nContent-Type: application/json\r\n\
             Micro-Endpoint: Greeter.Hello\r\nMicro-Id: {id}\r\n\r\n{name}",
            name.len()
        )
    };
    let node = greeter::listen().await;
    let mut peer = Peer::connect(node.address()).await;

    peer.send(call(5, r#"{"name":"Bob"}"#) + &call(6, r#"{"name":"Jim"}"#))
        .await;
    let (first, second) = (peer.receive().await, peer.receive().await);

    assert_means(
        &first,
        &captured_by_hand("raw pipelined two with distinct Micro-Id"),
    );
    assert_eq!(
        (second.get("micro-id"), second.text()),
        (Some("6"), r#"{"msg":"Hello Jim"}"#)
    );
}

#[tokio::test]
async fn an_error_that_go_micro_sent_arrives_as_itself() {
    let (_, replies) = captured("mucp errors application/protobuf");

    let text = replies[0].get("micro-error").unwrap();

    assert_eq!(Error::from_wire(text).to_json(), text);
}
