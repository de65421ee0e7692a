//! Calls by path, as anybody can make them, and what is no call.

use micro::Error;

use crate::handlers::{echo, failing, listen, recording};
use crate::raw::{Peer, post};

const JSON: &str = "Content-Type: application/json\r\n";

#[tokio::test]
async fn a_path_names_the_endpoint_and_perhaps_the_service() {
    let (accept, mut calls) = recording();
    let node = listen(accept).await;
    let mut peer = Peer::connect(node.address()).await;

    for (path, service) in [
        ("/Greeter/Hello", ""),
        ("/greeter/Greeter.Hello?x=1", "greeter"),
    ] {
        let reply = peer.exchange(post(path, JSON, "{}")).await;

        let call = calls.recv().await.unwrap();
        assert_eq!(
            (&*call.service, &*call.endpoint),
            (service, "Greeter.Hello"),
            "{path}"
        );
        assert_eq!(
            (reply.status(), reply.get("content-type")),
            (200, Some("application/json"))
        );
    }
}

#[tokio::test]
async fn a_call_by_path_without_a_body_has_an_empty_message() {
    let node = listen(echo()).await;

    let reply = Peer::connect(node.address())
        .await
        .exchange(post("/Greeter/Hello", JSON, ""))
        .await;

    assert_eq!(reply.text(), "{}");
}

#[tokio::test]
async fn a_call_by_path_that_is_not_json_is_refused() {
    let (accept, mut calls) = recording();
    let node = listen(accept).await;
    let mut peer = Peer::connect(node.address()).await;

    for given in [
        "",
        "Content-Type: application/x-www-form-urlencoded\r\n",
        "Content-Type: text/plain\r\n",
    ] {
        let reply = peer.exchange(post("/Greeter/Hello", given, "{}")).await;

        assert_eq!(
            (reply.status(), reply.error().code()),
            (415, 415),
            "{given}"
        );
    }
    assert!(calls.try_recv().is_err());
}

#[tokio::test]
async fn an_error_of_a_call_by_path_is_the_status_and_the_body() {
    let node = listen(failing(|| Error::not_found("greeter", "no such name"))).await;

    let reply = Peer::connect(node.address())
        .await
        .exchange(post("/Greeter/Hello", JSON, "{}"))
        .await;

    assert_eq!(reply.status(), 404);
    assert_eq!(reply.get("content-type"), Some("application/json"));
    assert_eq!(reply.error().detail(), "no such name");
}

#[tokio::test]
async fn an_error_whose_code_says_success_has_the_status_500() {
    for code in [101, 204, 399, 600] {
        let node = listen(failing(move || Error::new(code, "greeter", "odd"))).await;

        let reply = Peer::connect(node.address())
            .await
            .exchange(post("/Greeter/Hello", JSON, "{}"))
            .await;

        assert_eq!(reply.status(), 500);
    }
}

#[tokio::test]
async fn a_post_that_names_no_endpoint_is_told_how() {
    let node = listen(echo()).await;

    let reply = Peer::connect(node.address())
        .await
        .exchange(post("/", JSON, "{}"))
        .await;

    assert_eq!(reply.status(), 400);
    assert!(
        reply.error().detail().contains("Micro-Endpoint"),
        "{}",
        reply.text()
    );
}

#[tokio::test]
async fn only_a_post_is_a_call() {
    let node = listen(echo()).await;
    let mut peer = Peer::connect(node.address()).await;

    for method in ["GET", "PUT", "DELETE", "PATCH", "OPTIONS"] {
        let reply = peer
            .exchange(format!(
                "{method} /Greeter/Hello HTTP/1.1\r\nHost: localhost\r\n{JSON}\r\n"
            ))
            .await;

        assert_eq!(
            (reply.status(), reply.get("allow")),
            (405, Some("POST")),
            "{method}"
        );
        assert_eq!(reply.error().code(), 405);
    }
}

#[tokio::test]
async fn an_unknown_path_is_not_found() {
    let node = listen(echo()).await;
    let mut peer = Peer::connect(node.address()).await;

    for path in ["/a", "/a/b/c", "//", "/a/", "//b"] {
        let reply = peer.exchange(post(path, JSON, "{}")).await;

        assert_eq!((reply.status(), reply.error().code()), (404, 404), "{path}");
    }
}
