//! Messages as go-micro posts them, byte for byte, both ways.

use std::sync::Arc;

use micro::broker::{Broker, Mode, Terms};
use micro::message::{ContentType, Message};
use serde_json::Value;

use super::ends::{Network, group};
use super::wire::{Node, post};
use micro::conformance::broker::Seen;

/// The JSON that a generation posts, as it was captured.
fn captured(id: &str) -> String {
    let text = include_str!("../../golden/broker.json");
    let all: Value = serde_json::from_str(text).unwrap();
    let mut found = all["vectors"].as_array().unwrap().iter();
    let vector = found.find(|vector| vector["id"] == id).unwrap();
    vector["text"].as_str().unwrap().to_owned()
}

/// What was published to be captured.
fn published(content_type: ContentType, id: (&str, &str), body: &'static [u8]) -> Message {
    let mut message = super::ends::message("");
    message.content_type = content_type;
    message.body = body.into();
    for (name, value) in [("Micro-From-Service", "caller"), id, ("x-user-id", "42")] {
        message.metadata.set(name, value);
    }
    message
}

fn of_v1() -> Message {
    let id = ("Micro-Id", "96323d03-396b-477b-b84e-19388af1155c");
    published(ContentType::PROTOBUF, id, b"\n\x04John")
}

fn of_v6() -> Message {
    let id = ("Micro-ID", "42ecaa9f-e7be-40bf-86b9-e14d51a1695a");
    published(ContentType::JSON, id, b"{\"name\":\"John\"}\n")
}

/// What a subscriber of `t1` is handed after `body` was posted to `path`.
async fn handed(path: &str, body: &str) -> Message {
    let (network, mut seen) = (Network::new(), Seen::new());
    let broker = network.broker(&[]);
    let subscribed = broker.subscribe("t1", group("g"), seen.consumer("a"));
    let _a = subscribed.await.unwrap();
    let node = network.node("micro.http.broker").await;

    let reply = post(&node.address, &format!("{path}?id={}", node.id), body).await;

    assert!(reply.starts_with("HTTP/1.1 200 OK\r\n"), "{reply}");
    assert!(reply.contains("content-length: 0\r\n"), "{reply}");
    seen.next().await.unwrap().delivery.message
}

/// The path and the JSON that a node of go-micro is posted, which is called so in the registry.
async fn sent(service: &str, id: &str, scheme: &str, message: Message) -> (String, String) {
    let (network, node) = (Network::new(), Node::bind().await);
    network
        .announce(service, "g", id, &node.address(), "t1")
        .await;
    let broker = Arc::new(network.broker(&[scheme]));
    let publishing = Arc::clone(&broker);
    let publishing = tokio::spawn(async move { publishing.publish("t1", message).await });
    let (head, body) = node
        .take("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        .await;
    publishing.await.unwrap().unwrap();
    let lower = head.to_lowercase();
    assert!(
        lower.contains("content-type: application/json\r\n"),
        "{head}"
    );
    (head.split("\r\n").next().unwrap().to_owned(), body)
}

#[tokio::test]
async fn what_v1_posts_is_handed_out_as_it_was_published() {
    let mut expected = of_v1();
    expected.metadata.set("Micro-Topic", "t1");

    assert_eq!(
        handed("/_sub", &captured("broker-http-json-v1")).await,
        expected
    );
}

#[tokio::test]
async fn what_v6_posts_is_handed_out_as_it_was_published() {
    let mut expected = of_v6();
    expected.metadata.set("Micro-Topic", "t1");

    assert_eq!(
        handed("/", &captured("broker-http-json-v6")).await,
        expected
    );
}

#[tokio::test]
async fn v1_is_posted_what_it_posts_itself() {
    let (line, body) = sent("go.micro.http.broker", "t1-abc", "v1.18", of_v1()).await;

    assert_eq!(line, "POST /_sub?id=t1-abc HTTP/1.1");
    assert_eq!(body, captured("broker-http-json-v1"));
}

#[tokio::test]
async fn v6_is_posted_what_it_posts_itself_and_the_topic_of_older_generations() {
    let (line, body) = sent("micro.http.broker", "t1-abc", "v2", of_v6()).await;

    assert_eq!(line, "POST /?id=t1-abc HTTP/1.1");
    let old = captured("broker-http-json-v6");
    assert_eq!(
        body,
        old.replace("{\"Header\":{", "{\"Header\":{\":topic\":\"t1\",")
    );
}

#[tokio::test]
async fn v0_is_posted_to_under_the_name_of_the_topic() {
    let (line, _) = sent("topic:t1", "broker-a.b", "v0", of_v1()).await;

    assert_eq!(line, "POST /_sub?id=broker-a.b HTTP/1.1");
}

#[tokio::test]
async fn an_empty_message_of_go_has_no_topic_and_is_refused() {
    let (network, seen) = (Network::new(), Seen::new());
    let broker = network.broker(&[]);
    let terms = Terms::new(Mode::Broadcast);
    let _a = broker
        .subscribe("t1", terms, seen.consumer("a"))
        .await
        .unwrap();
    let node = network.node("micro.http.broker").await;

    let path = format!("/?id={}", node.id);
    let reply = post(&node.address, &path, &captured("broker-http-nil")).await;

    assert!(reply.starts_with("HTTP/1.1 500 "), "{reply}");
    let error = micro::Error::from_wire(reply.split("\r\n\r\n").nth(1).unwrap());
    assert!(error.detail().contains("topic"), "{error}");
}
