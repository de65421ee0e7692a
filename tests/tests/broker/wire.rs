//! The HTTP broker to a peer that knows only bytes.

use micro::Error;
use micro::broker::Broker;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::ends::{Network, group, soon};
use micro::conformance::broker::Seen;

/// Sends `request` and returns all that comes back until the connection closes.
pub async fn exchange(address: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut reply = Vec::new();
    soon(stream.read_to_end(&mut reply)).await.ok();
    String::from_utf8(reply).unwrap()
}

/// Posts `body`, and returns the whole reply.
pub async fn post(address: &str, path: &str, body: &str) -> String {
    let length = body.len();
    let head = "Host: localhost\r\nConnection: close\r\nContent-Type: application/json";
    let request =
        format!("POST {path} HTTP/1.1\r\n{head}\r\nContent-Length: {length}\r\n\r\n{body}");
    exchange(address, &request).await
}

/// A node that speaks only bytes.
pub struct Node(TcpListener);

impl Node {
    pub async fn bind() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    pub fn address(&self) -> String {
        self.0.local_addr().unwrap().to_string()
    }

    /// Takes one request, answers it by `reply`, and closes; returns its head and its body.
    pub async fn take(&self, reply: &str) -> (String, String) {
        let (mut stream, _) = soon(self.0.accept()).await.unwrap();
        let mut bytes = Vec::new();
        loop {
            assert!(soon(stream.read_buf(&mut bytes)).await.unwrap() > 0);
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let Some((head, body)) = text.split_once("\r\n\r\n") else {
                continue;
            };
            let lower = head.to_lowercase();
            let length = lower.split("content-length: ").nth(1).unwrap();
            if body.len()
                == length
                    .split("\r\n")
                    .next()
                    .unwrap()
                    .parse::<usize>()
                    .unwrap()
            {
                stream.write_all(reply.as_bytes()).await.unwrap();
                return (format!("{head}\r\n"), body.to_owned());
            }
        }
    }
}

const MESSAGE: &str =
    r#"{"Header":{"Micro-Topic":"t","Content-Type":"application/json"},"Body":"MQ=="}"#;

/// What a subscriber of `t` answers to `request`, in which ID is its node's id, and what it was handed.
async fn answer(request: &str) -> (String, usize) {
    let (network, mut seen) = (Network::new(), Seen::new());
    let broker = network.broker(&[]);
    let subscribed = broker.subscribe("t", group("g"), seen.consumer("a"));
    let mut a = subscribed.await.unwrap();
    let node = network.node("micro.http.broker").await;
    let reply = exchange(&node.address, &request.replace("ID", &node.id)).await;
    a.leave();
    soon(a.ended()).await;
    (reply, seen.all())
}

fn posted(path: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}

fn error(reply: &str) -> Error {
    Error::from_wire(reply.split("\r\n\r\n").nth(1).unwrap())
}

#[tokio::test]
async fn both_paths_are_answered() {
    for path in ["/?id=ID", "/_sub?id=ID"] {
        let (reply, handed) = answer(&posted(path, MESSAGE)).await;

        assert!(reply.starts_with("HTTP/1.1 200 "), "{reply}");
        assert_eq!(handed, 1);
    }
}

#[tokio::test]
async fn an_unknown_node_is_answered_as_any_other() {
    let (reply, handed) = answer(&posted("/?id=t-unknown", MESSAGE)).await;

    assert!(reply.starts_with("HTTP/1.1 200 "), "{reply}");
    assert!(reply.ends_with("\r\n\r\n"), "{reply}");
    assert_eq!(handed, 0);
}

#[tokio::test]
async fn a_message_of_another_topic_is_not_handed_out() {
    let (reply, handed) = answer(&posted("/?id=ID", &MESSAGE.replace("\"t\"", "\"u\""))).await;

    assert!(reply.starts_with("HTTP/1.1 200 "), "{reply}");
    assert_eq!(handed, 0);
}

#[tokio::test]
async fn what_is_not_posted_is_refused() {
    let request = "GET /?id=ID HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

    let (reply, _) = answer(request).await;

    assert!(reply.starts_with("HTTP/1.1 405 "), "{reply}");
    assert!(reply.contains("allow: POST\r\n"), "{reply}");
    assert_eq!(error(&reply).code(), 405);
}

#[tokio::test]
async fn a_body_that_cannot_be_read_is_an_error() {
    for body in [
        "",
        "{",
        "[]",
        r#"{"Header":{"Micro-Topic":"t"},"Body":"?"}"#,
    ] {
        let (reply, handed) = answer(&posted("/?id=ID", body)).await;

        assert!(reply.starts_with("HTTP/1.1 500 "), "{body}: {reply}");
        assert_eq!((error(&reply).code(), handed), (500, 0));
    }
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_before_it_comes() {
    let head = "POST /?id=ID HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000000\r\n\r\n";

    let (reply, _) = answer(head).await;

    assert!(reply.starts_with("HTTP/1.1 413 "), "{reply}");
    assert_eq!(error(&reply).code(), 413);
}

#[tokio::test]
async fn a_path_that_is_none_is_not_found() {
    let (reply, _) = answer(&posted("/other?id=ID", MESSAGE)).await;

    assert!(reply.starts_with("HTTP/1.1 404 "), "{reply}");
}
