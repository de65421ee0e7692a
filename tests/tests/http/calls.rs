//! Calls in go-micro's form.

use std::time::{Duration, Instant};

use micro::Error;
use micro::message::ContentType;

use crate::handlers::{by, echo, failing, listen, recording, reply};
use crate::raw::{Peer, post};

const HELLO: &str = "Micro-Endpoint: Greeter.Hello\r\nContent-Type: application/json\r\n";

#[tokio::test]
async fn a_call_with_micro_headers_is_taken_on_any_path() {
    let node = listen(echo()).await;
    let mut peer = Peer::connect(node.address()).await;

    for path in ["/", "/any/path/at/all", "/Greeter/Bye"] {
        let reply = peer.exchange(post(path, HELLO, r#"{"name":"Ann"}"#)).await;

        assert_eq!(
            (reply.status(), reply.text()),
            (200, r#"{"name":"Ann"}"#),
            "{path}"
        );
        assert_eq!(reply.get("content-type"), Some("application/json"));
    }
}

#[tokio::test]
async fn the_endpoint_is_taken_from_any_of_its_headers() {
    let (accept, mut calls) = recording();
    let node = listen(accept).await;
    let mut peer = Peer::connect(node.address()).await;

    for name in [
        "Micro-Endpoint",
        "Micro-Method",
        "X-Micro-Endpoint",
        "x-micro-method",
    ] {
        let headers = format!("{name}: Greeter.Hello\r\nMicro-Service: greeter\r\n");
        peer.exchange(post("/", &headers, "")).await;

        let call = calls.recv().await.unwrap();
        assert_eq!(
            (&*call.service, &*call.endpoint),
            ("greeter", "Greeter.Hello"),
            "{name}"
        );
    }
}

#[tokio::test]
async fn without_a_content_type_a_call_is_protobuf() {
    let (accept, mut calls) = recording();
    let node = listen(accept).await;

    let call = post("/", "Micro-Endpoint: Greeter.Hello\r\n", "");
    let reply = Peer::connect(node.address()).await.exchange(call).await;

    assert_eq!(
        calls.recv().await.unwrap().content_type,
        ContentType::PROTOBUF
    );
    assert_eq!(reply.get("content-type"), Some("application/protobuf"));
}

#[tokio::test]
async fn the_id_of_a_call_is_echoed() {
    let node = listen(echo()).await;
    let mut peer = Peer::connect(node.address()).await;

    for id in ["0", "17"] {
        let reply = peer
            .exchange(post("/", &format!("Micro-Id: {id}\r\n{HELLO}"), ""))
            .await;

        assert_eq!(reply.get("micro-id"), Some(id));
    }
}

#[tokio::test]
async fn an_error_of_a_call_with_micro_headers_has_status_200_and_no_body() {
    let node = listen(failing(|| Error::conflict("greeter", "taken\r\nby <Ann>"))).await;

    let reply = Peer::connect(node.address())
        .await
        .exchange(post("/", HELLO, "{}"))
        .await;

    assert_eq!(
        (reply.status(), reply.get("content-length")),
        (200, Some("0"))
    );
    assert_eq!(reply.get("micro-error"), reply.get("x-micro-error"));
    assert_eq!(reply.failure().code(), 409);
    assert_eq!(reply.failure().detail(), "taken\r\nby <Ann>");
    assert_eq!(reply.get("micro-reached"), Some("yes"));
}

#[tokio::test]
async fn a_call_that_no_handler_saw_says_so() {
    let node = listen(failing(|| {
        Error::unsupported("greeter", "no csv").never_reached()
    }))
    .await;

    let call = post("/", "Micro-Endpoint: a.B\r\nContent-Type: text/csv\r\n", "");
    let reply = Peer::connect(node.address()).await.exchange(call).await;

    assert_eq!((reply.status(), reply.failure().code()), (200, 415));
    assert_eq!(reply.get("micro-reached"), Some("no"));
}

#[tokio::test]
async fn a_request_without_a_host_is_wrong() {
    let node = listen(echo()).await;

    let call = format!("POST / HTTP/1.1\r\n{HELLO}\r\n");
    let reply = Peer::connect(node.address()).await.exchange(call).await;

    assert_eq!((reply.status(), reply.error().code()), (400, 400));
}

#[tokio::test]
async fn a_request_with_two_hosts_is_wrong() {
    let node = listen(echo()).await;

    let call = post("/", &format!("Host: b\r\n{HELLO}"), "{}");
    let reply = Peer::connect(node.address()).await.exchange(call).await;

    assert_eq!((reply.status(), reply.error().code()), (400, 400));
}

#[tokio::test]
async fn a_stream_that_shares_its_connection_is_refused_with_what_to_do() {
    let node = listen(echo()).await;
    let mut peer = Peer::connect(node.address()).await;
    peer.exchange(post("/", HELLO, "{}")).await;

    let headers = "Micro-Endpoint: Greeter.Stream\r\nMicro-Stream: 0\r\n";
    let called = peer.exchange(post("/", headers, "")).await;

    assert_eq!((called.status(), called.failure().code()), (200, 501));
    assert!(
        called
            .failure()
            .detail()
            .contains("a connection of its own")
    );
}

#[tokio::test]
async fn a_compressed_body_is_refused() {
    let node = listen(echo()).await;

    let call = post("/", &format!("Content-Encoding: gzip\r\n{HELLO}"), "zzz");
    let reply = Peer::connect(node.address()).await.exchange(call).await;

    assert_eq!(reply.failure().code(), 415);
    assert_eq!(reply.get("micro-reached"), Some("no"));
}

#[tokio::test]
async fn headers_are_metadata_but_for_those_of_one_hop() {
    let (accept, mut calls) = recording();
    let node = listen(accept).await;

    let headers = "X-User: 42\r\nx-user: 43\r\nMicro-From-Service: caller\r\nAuthorization: Bearer x\r\n\
        Micro-Id: 1\r\nMicro-Service: s\r\nMicro-Topic: t\r\nTimeout: 1\r\nUser-Agent: u\r\nAccept: */*\r\n";
    let call = post("/", &format!("{headers}{HELLO}"), "{}");
    Peer::connect(node.address()).await.exchange(call).await;

    let metadata = calls.recv().await.unwrap().metadata;
    let wanted = [
        ("x-user", "42"),
        ("micro-from-service", "caller"),
        ("authorization", "Bearer x"),
    ];
    assert_eq!(metadata, wanted.into_iter().collect());
}

#[tokio::test]
async fn a_header_that_is_not_utf_8_is_read_all_the_same() {
    let (accept, mut calls) = recording();
    let node = listen(accept).await;

    let mut call =
        b"POST / HTTP/1.1\r\nHost: localhost\r\nMicro-Endpoint: a.B\r\nx: caf\xe9\r\n\r\n".to_vec();
    call.extend_from_slice(b"");
    Peer::connect(node.address()).await.exchange(call).await;

    assert_eq!(
        calls.recv().await.unwrap().metadata.get("x"),
        Some("caf\u{fffd}")
    );
}

#[tokio::test]
async fn the_time_limit_is_a_deadline() {
    let (accept, mut calls) = recording();
    let node = listen(accept).await;
    let mut peer = Peer::connect(node.address()).await;

    let before = Instant::now();
    peer.exchange(post("/", &format!("Timeout: 5000000000\r\n{HELLO}"), "{}"))
        .await;
    let deadline = calls.recv().await.unwrap().deadline.unwrap();
    peer.exchange(post("/", &format!("Timeout: 5s\r\n{HELLO}"), "{}"))
        .await;

    let limit = Duration::from_secs(5);
    assert!(deadline >= before + limit && deadline <= Instant::now() + limit);
    assert_eq!(calls.recv().await.unwrap().deadline, None);
}

#[tokio::test]
async fn the_handler_knows_who_called() {
    let (accept, mut calls) = recording();
    let node = listen(accept).await;

    Peer::connect(node.address())
        .await
        .exchange(post("/", HELLO, "{}"))
        .await;

    let peer = calls.recv().await.unwrap().peer.unwrap();
    assert!(peer.address().starts_with("127.0.0.1:"), "{peer}");
}

#[tokio::test]
async fn metadata_of_a_reply_becomes_headers() {
    let node = listen(by(|request| async move {
        let mut reply = reply(&request, "{}");
        reply.metadata.set("X-Cost", "3\r\nMicro-Error: no");
        reply.metadata.set("Micro-Error", "never sent");
        Ok(reply)
    }))
    .await;

    let reply = Peer::connect(node.address())
        .await
        .exchange(post("/", HELLO, "{}"))
        .await;

    assert_eq!(reply.get("x-cost"), Some("3  Micro-Error: no"));
    assert_eq!(reply.get("micro-error"), None);
}

#[tokio::test]
async fn metadata_that_http_cannot_write_is_an_error_that_names_it() {
    let node = listen(by(|request| async move {
        let mut reply = reply(&request, "{}");
        reply.metadata.set("not a name", "3");
        Ok(reply)
    }))
    .await;

    let reply = Peer::connect(node.address())
        .await
        .exchange(post("/", HELLO, "{}"))
        .await;

    assert_eq!(reply.failure().code(), 500);
    assert!(reply.failure().detail().contains("not a name"));
}

#[tokio::test]
async fn a_body_in_chunks_is_one_message() {
    let node = listen(echo()).await;

    let call = format!(
        "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n{HELLO}\r\n2\r\n{{\"\r\n4\r\na\":1\r\n1\r\n}}\r\n0\r\n\r\n"
    );
    let reply = Peer::connect(node.address()).await.exchange(call).await;

    assert_eq!(reply.text(), r#"{"a":1}"#);
}

#[tokio::test]
async fn calls_sent_back_to_back_are_answered_in_order() {
    let node = listen(echo()).await;
    let mut peer = Peer::connect(node.address()).await;

    peer.send(post("/", HELLO, "1") + &post("/", HELLO, "2"))
        .await;

    assert_eq!(peer.receive().await.text(), "1");
    assert_eq!(peer.receive().await.text(), "2");
}

#[tokio::test]
async fn a_caller_that_asks_for_a_close_gets_it() {
    let node = listen(echo()).await;
    let mut peer = Peer::connect(node.address()).await;

    let reply = peer
        .exchange(post("/", &format!("Connection: close\r\n{HELLO}"), "{}"))
        .await;

    assert_eq!(reply.text(), "{}");
    assert!(peer.closed().await.is_empty());
}
