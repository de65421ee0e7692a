//! Calls of peers that know no headers of go-micro: v0 and ja-micro, and of later ones to nodes that do not.

use micro::prelude::*;
use micro::{Error, Running};
use serde_json::Value;
use tests::over_http;

use crate::capture::{Exchange, unhex, vector};
use crate::greeter;
use crate::raw::{Message, Peer, post};

/// Our server answers the captured calls with the captured bodies.
async fn replay(exchange: Exchange) {
    let node = greeter::listen().await;
    let mut peer = Peer::connect(node.address()).await;
    assert!(!exchange.requests.is_empty());
    assert_eq!(exchange.requests.len(), exchange.replies.len());

    for (request, captured) in exchange.requests.iter().zip(&exchange.replies) {
        let ours = peer.exchange(request.bytes()).await;

        assert_eq!(ours.status(), captured.status());
        assert_eq!(ours.get("content-type"), captured.get("content-type"));
        assert_eq!(
            String::from_utf8_lossy(&ours.body),
            String::from_utf8_lossy(&captured.body)
        );
    }
}

#[tokio::test]
async fn proto_rpc_calls_of_v0_are_answered_as_v0_does() {
    replay(Exchange::v0("proto unary x2 pooled")).await;
}

#[tokio::test]
async fn json_rpc_calls_of_v0_are_answered_as_v0_does() {
    replay(Exchange::v0("json unary")).await;
}

#[tokio::test]
async fn errors_of_calls_of_v0_are_in_the_body_as_v0_has_them() {
    let mut errors = Exchange::v0("errors");
    // What v0 says of a service that it does not know is not what we say.
    errors.requests.pop();
    errors.replies.pop();

    replay(errors).await;
}

#[tokio::test]
async fn later_clients_that_take_us_for_an_older_node_are_answered_in_its_form() {
    for title in [
        "mucp application/json-rpc",
        "mucp application/proto-rpc",
        "old-protocol node (no protocol metadata) application/json",
        "old-protocol node (no protocol metadata) application/protobuf",
    ] {
        let exchange = Exchange::v1(title);
        let node = greeter::listen().await;

        let ours = Peer::connect(node.address())
            .await
            .exchange(exchange.requests[0].bytes())
            .await;

        let captured = &exchange.replies[0];
        assert_eq!(
            ours.get("content-type"),
            captured.get("content-type"),
            "{title}"
        );
        // v1 leaves the name of the method out where v0 has it; nobody reads it.
        let ending = captured.body.len().min(14);
        assert!(
            ours.body
                .ends_with(&captured.body[captured.body.len() - ending..]),
            "{title}"
        );
    }
}

async fn answered(headers: &str, body: impl AsRef<[u8]>) -> Message {
    let node = greeter::listen().await;
    let body = body.as_ref();
    let length = body.len();
    let mut call =
        format!("POST / HTTP/1.1\r\nHost: localhost\r\n{headers}Content-Length: {length}\r\n\r\n")
            .into_bytes();
    call.extend(body);
    Peer::connect(node.address()).await.exchange(call).await
}

const PROTO: &str = "Content-Type: application/octet-stream\r\n";
const JSON: &str = "Content-Type: application/json\r\n";

#[tokio::test]
async fn all_forms_of_a_proto_rpc_call_are_read() {
    for id in [
        "protorpc-frame-request-seq1",
        "protorpc-frame-request-seq0",
        "protorpc-frame-request-v6",
    ] {
        let reply = answered(PROTO, unhex(&vector(id)["hex"])).await;

        assert!(
            reply.body.ends_with(b"\x1a\0\0\0\0\x0c\n\nHello John"),
            "{id}"
        );
    }
}

#[tokio::test]
async fn an_envelope_is_written_as_it_was_captured() {
    let envelope = unhex(&vector("protorpc-env-request-seq1")["hex"]);

    let reply = answered(PROTO, unhex(&vector("protorpc-frame-request-seq1")["hex"])).await;

    assert_eq!(reply.body[4..4 + envelope.len()], envelope);
}

#[tokio::test]
async fn json_rpc_calls_of_all_generations_get_their_own_id_back() {
    let null = vector("jsonrpc-response-v0-idnull");
    let calls = [
        (
            vector("jsonrpc-request-v0")["text"].clone(),
            r#"{"id":0,"result":{"msg":"Hello John"},"error":null}"#,
        ),
        (
            vector("jsonrpc-request-v6")["text"].clone(),
            vector("jsonrpc-response-v1v6")["text"]
                .as_str()
                .unwrap()
                .trim_end(),
        ),
        (
            null["request"].clone(),
            null["text"].as_str().unwrap().trim_end(),
        ),
    ]
    .map(|(call, wanted)| (call, wanted.to_owned()));

    for (call, wanted) in calls {
        let reply = answered(JSON, call.as_str().unwrap()).await;

        assert_eq!(reply.text(), wanted + "\n");
    }
}

#[tokio::test]
async fn errors_are_in_the_head_besides_where_later_clients_look_first() {
    let call = r#"{"method":"Greeter.Hello","params":[{"name":"err"}],"id":0}"#;

    let reply = answered(JSON, call).await;

    assert_eq!(
        Value::from(reply.text()),
        vector("jsonrpc-error-v0")["text"]
    );
    for name in ["micro-error", "x-micro-error"] {
        assert_eq!(
            Error::from_wire(reply.get(name).unwrap()).detail(),
            "bad name err"
        );
    }
}

#[tokio::test]
async fn what_is_not_there_is_an_error_that_is_json_within_a_text() {
    let request = vector("jsonrpc-error-v0-no-service")["request_method"].clone();
    let call = format!(r#"{{"method":{request},"params":[{{}}],"id":0}}"#);

    let reply = answered(JSON, call).await;

    let body: Value = serde_json::from_str(reply.text()).unwrap();
    assert_eq!(
        Error::from_wire(body["error"].as_str().unwrap()).code(),
        404
    );
}

#[tokio::test]
async fn the_head_tells_the_form_of_the_body_as_in_go_micro() {
    let rpc = r#"{"method":"Greeter.Hello","params":[{"name":"Bob"}],"id":7}"#;
    let framed = unhex(&vector("protorpc-frame-request-seq1")["hex"]);
    let plain = br#"{"name":"Bob"}"#;
    let forms: [(&str, &[u8], &str); 6] = [
        ("detect-endpoint", plain, r#"{"msg":"Hello Bob"}"#),
        ("detect-x-method", plain, r#"{"msg":"Hello Bob"}"#),
        ("detect-x-endpoint", plain, r#"{"msg":"Hello Bob"}"#),
        (
            "detect-target",
            rpc.as_bytes(),
            "{\"id\":7,\"result\":{\"msg\":\"Hello Bob\"},\"error\":null}\n",
        ),
        ("detect-octet", &framed, "Hello John"),
        // Bytes of no form, which our handlers do not take.
        ("detect-octet-new", &framed, ""),
    ];

    for (id, body, wanted) in forms {
        let headers = vector(id)["headers"].clone();
        let lines = headers.as_object().unwrap().iter();
        let lines: String = lines
            .map(|(name, value)| format!("{name}: {}\r\n", value.as_str().unwrap()))
            .collect();

        let reply = answered(&lines, body).await;

        assert_eq!(reply.status(), 200, "{id}");
        assert!(
            String::from_utf8_lossy(&reply.body).ends_with(wanted),
            "{id}: {reply:?}"
        );
        assert_eq!(
            reply.get("micro-error").is_some(),
            wanted.is_empty(),
            "{id}"
        );
    }
}

#[tokio::test]
async fn a_caller_who_closes_is_answered_and_then_closed() {
    let node = greeter::listen().await;
    let mut peer = Peer::connect(node.address()).await;
    let call = vector("jsonrpc-response-v0-idnull")["request"].clone();

    peer.send(post(
        "/",
        &format!("{JSON}Connection: close\r\n"),
        call.as_str().unwrap(),
    ))
    .await;
    let all = peer.closed().await;

    let (reply, length) = Message::parse(&all).unwrap();
    assert_eq!(
        (reply.get("connection"), length),
        (Some("close"), all.len())
    );
    assert!(reply.text().starts_with(r#"{"id":null,"#));
}

#[tokio::test]
async fn json_that_is_no_such_call_is_told_what_to_send() {
    for body in [r#"{"name":"Bob"}"#, "{"] {
        let reply = answered(JSON, body).await;

        assert_eq!(reply.status(), 400, "{body}");
        assert!(reply.error().detail().contains("Micro-Endpoint"), "{body}");
    }
}

#[tokio::test]
async fn a_message_for_subscribers_is_told_where_to_go() {
    let reply = answered(
        &format!("{JSON}Micro-Topic: events\r\n"),
        r#"{"name":"Bob"}"#,
    )
    .await;

    assert_eq!(reply.status(), 501);
    assert!(reply.error().detail().contains("broker"));
}

#[tokio::test]
async fn bytes_that_are_no_envelope_are_an_error_in_one() {
    for body in [
        &b""[..],
        b"\0",
        b"\xff\xff\xff\xff",
        b"\0\0\0\x01\xff\0\0\0\0",
    ] {
        let reply = answered(PROTO, body).await;

        assert_eq!(
            (reply.status(), reply.failure().code()),
            (200, 400),
            "{body:?}"
        );
        assert!(reply.body.len() > 8);
    }
}

async fn started() -> Running {
    let service = over_http("greeter").build().await.unwrap();
    service
        .endpoint("A.B", unary(async |_: Context, (): ()| Ok::<_, Error>(())))
        .start()
        .await
        .unwrap()
}

#[tokio::test]
async fn a_node_says_to_v0_that_it_is_well() {
    let (node, health) = (started().await, vector("http-debug-health-v0"));

    let call = post("/", JSON, health["request"].as_str().unwrap());
    let reply = Peer::connect(node.address()).await.exchange(call).await;

    assert_eq!(Value::from(reply.text()), health["response"]);
}

/// The body of a node's answer to a call of `Debug`.
async fn debug(headers: &str, body: &[u8]) -> Vec<u8> {
    let node = started().await;
    let length = body.len();
    let mut call =
        format!("POST / HTTP/1.1\r\nHost: localhost\r\n{headers}Content-Length: {length}\r\n\r\n")
            .into_bytes();
    call.extend(body);
    Peer::connect(node.address())
        .await
        .exchange(call)
        .await
        .body
}

#[tokio::test]
async fn a_node_says_that_it_is_well_in_the_message_of_every_generation() {
    let health = unhex(&vector("debug-health")["hex"]);
    let framed = b"\0\0\0\x0e\n\x0cDebug.Health\0\0\0\0";

    let bare = debug(PROTO, framed).await;
    let named = debug(
        "Content-Type: application/protobuf\r\nMicro-Endpoint: Debug.Health\r\n",
        b"",
    )
    .await;

    // Behind the envelope, and its length.
    assert!(bare.ends_with(&[&[0, 0, 0, 4][..], &health].concat()));
    assert_eq!(named, health);
}

/// `field` of the protobuf message that `bytes` end with.
fn varint(bytes: &[u8], field: u8) -> Option<u64> {
    let mut rest = bytes;
    while let [key, value @ ..] = rest {
        let end = value.iter().position(|byte| byte & 0x80 == 0)?;
        let number = value[..=end]
            .iter()
            .rev()
            .fold(0, |sum, byte| sum << 7 | u64::from(byte & 0x7f));
        if key >> 3 == field {
            return Some(number);
        }
        rest = &value[end + 1..];
    }
    None
}

#[tokio::test]
async fn counts_have_the_numbers_of_the_generation_that_asks() {
    let old = unhex(&vector("debug-stats-v0")["hex"]);
    let new = unhex(&vector("debug-stats-v1v6")["hex"]);
    assert_eq!(
        (varint(&old, 1), varint(&new, 2)),
        (Some(1_575_763_100), Some(1_575_763_100))
    );
    let framed = b"\0\0\0\x0d\n\x0bDebug.Stats\0\0\0\0";

    let bare = debug(PROTO, framed).await;
    let named = debug(
        "Content-Type: application/protobuf\r\nMicro-Endpoint: Debug.Stats\r\n",
        b"",
    )
    .await;

    // Behind the envelope, which has the name, the number and no error.
    let bare = &bare[4 + 13 + 9 + 2 + 4..];
    let started = varint(&named, 2).unwrap();
    assert!(varint(bare, 1).unwrap().abs_diff(started) <= 5);
    // Memory, in bytes.
    assert!(varint(bare, 3).unwrap() > 1 << 20 && varint(&named, 4).unwrap() > 1 << 20);
}
