//! The registry in Consul.

use std::time::Duration;

use futures_util::StreamExt as _;
use micro::registry::{Action, ConsulRegistry, Options, Registry};
use tests::servers::{Consul, Server};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::fleet::{SOON, record};

fn registry(address: String) -> ConsulRegistry {
    let mut options = Options::default();
    options.addresses = vec![address];
    ConsulRegistry::new(&options).unwrap()
}

#[tokio::test]
async fn who_has_the_token_is_answered() {
    let server = Server::start(Consul::alone().with_token("8d0b4a2e-secret")).await;
    let known = registry(format!("http://8d0b4a2e-secret@{}", server.address()));

    known.register(&record("audit", 1), None).await.unwrap();

    assert_eq!(known.get("audit").await.unwrap(), [record("audit", 1)]);
}

#[tokio::test]
async fn who_has_another_token_is_refused_and_it_is_not_shown() {
    let server = Server::start(Consul::alone().with_token("8d0b4a2e-secret")).await;
    let stranger = registry(format!("http://another-one@{}", server.address()));

    let error = stranger
        .register(&record("audit", 1), None)
        .await
        .unwrap_err();

    assert_eq!(error.code(), 403, "{error}");
    assert!(!format!("{error:?}").contains("another-one"), "{error:?}");
}

/// Has the agent do something.
async fn put(address: &str, path: &str, body: &str) {
    let mut agent = TcpStream::connect(address).await.unwrap();
    let length = body.len();
    let request = format!(
        "PUT {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    agent.write_all(request.as_bytes()).await.unwrap();
    let mut reply = String::new();
    agent.read_to_string(&mut reply).await.unwrap();
    assert!(reply.starts_with("HTTP/1.1 200"), "{reply}");
}

#[tokio::test]
async fn a_node_that_is_critical_for_a_moment_comes_back() {
    let server = Server::start(Consul::alone()).await;
    let (address, registry) = (server.address(), registry(server.address()));
    let minute = Some(Duration::from_secs(60));
    registry
        .register(&record("audit", 1), minute)
        .await
        .unwrap();
    let check = format!("service:{}", record("audit", 1).nodes[0].id);
    let mut events = registry.watch(Some("audit")).await.unwrap();
    let (seen, mut actions) = mpsc::unbounded_channel();
    let mut watching = JoinSet::new();
    watching.spawn(async move {
        while let Some(event) = events.next().await {
            seen.send(event.unwrap().action).unwrap();
        }
    });

    for _ in 0..5 {
        put(&address, &format!("/v1/agent/check/fail/{check}"), "").await;
        // The moment, in which it may be read.
        tokio::time::sleep(Duration::from_millis(20)).await;
        put(&address, &format!("/v1/agent/check/pass/{check}"), "").await;

        if let Ok(gone) = timeout(Duration::from_millis(400), actions.recv()).await {
            assert_eq!(gone, Some(Action::Delete));
            let back = timeout(SOON, actions.recv()).await;
            assert_eq!(back.expect("it stays away"), Some(Action::Create));
        }
    }
}
