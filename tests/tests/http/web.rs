//! What pages in browsers may ask.

use micro::transport::{HttpTransport, Limits, Listener, Options, Transport as _, Web};

use crate::handlers::{echo, listen, recording};
use crate::raw::{Message, Peer, post};

const JSON: &str = "Content-Type: application/json\r\n";

async fn open_to(origin: &str) -> Box<dyn Listener> {
    let mut web = Web::default();
    web.origins = vec![origin.to_owned()];
    let mut options = Options::default();
    options.web = web;
    options.limits = Limits::default();
    let transport = HttpTransport::open(&options).unwrap();
    transport.listen("127.0.0.1:0", echo()).await.unwrap()
}

async fn preflight(node: &dyn Listener, origin: &str) -> Message {
    let ask = format!(
        "OPTIONS /Greeter/Hello HTTP/1.1\r\nHost: localhost\r\nOrigin: {origin}\r\n\
         Access-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: content-type\r\n\r\n"
    );
    Peer::connect(node.address()).await.exchange(ask).await
}

#[tokio::test]
async fn a_browser_is_told_nothing_by_default() {
    let node = listen(echo()).await;

    let reply = preflight(&*node, "https://app.example").await;

    assert_eq!(reply.status(), 405);
    assert_eq!(reply.get("access-control-allow-origin"), None);
}

#[tokio::test]
async fn a_page_of_an_allowed_origin_may_call() {
    let node = open_to("https://app.example").await;

    let reply = preflight(&*node, "https://app.example").await;

    assert_eq!(reply.status(), 204);
    let allowed = reply.get("access-control-allow-origin");
    assert_eq!(allowed, Some("https://app.example"));
    assert_eq!(
        reply.get("access-control-allow-headers"),
        Some("content-type")
    );
}

#[tokio::test]
async fn a_page_of_an_allowed_origin_may_read_the_reply() {
    let node = open_to("*").await;
    let headers = format!("{JSON}Origin: https://any.example\r\n");

    let reply = Peer::connect(node.address())
        .await
        .exchange(post("/Greeter/Hello", &headers, "{}"))
        .await;

    let allowed = reply.get("access-control-allow-origin");
    assert_eq!(
        (reply.status(), allowed),
        (200, Some("https://any.example"))
    );
    assert_eq!(reply.get("vary"), Some("origin"));
}

#[tokio::test]
async fn a_page_of_another_origin_is_told_nothing() {
    let node = open_to("https://app.example").await;

    let reply = preflight(&*node, "https://evil.example").await;

    assert_eq!(reply.get("access-control-allow-origin"), None);
}

#[tokio::test]
async fn another_hosts_name_is_refused_over_loopback() {
    let (accept, mut calls) = recording();
    let node = listen(accept).await;
    let call = post("/Greeter/Hello", JSON, "{}").replace("Host: localhost", "Host: evil.example");

    let reply = Peer::connect(node.address()).await.exchange(call).await;

    assert_eq!(reply.status(), 403);
    assert!(reply.error().detail().contains("--allow_host=evil.example"));
    assert!(calls.try_recv().is_err());
}
