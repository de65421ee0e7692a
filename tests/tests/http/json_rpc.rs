//! JSON-RPC 2.0 at the same port.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use micro::Error;
use micro::message::{Request, Response};
use serde_json::{Value, json};

use crate::handlers::{by, echo, failing, limits, listen, listen_with, recording, reply};
use crate::raw::{Message, Peer, post};

const JSON: &str = "Content-Type: application/json\r\n";

async fn ask(address: &str, body: &str) -> Message {
    let mut peer = Peer::connect(address).await;
    peer.exchange(post("/", JSON, body)).await
}

async fn answer(address: &str, body: &str) -> Value {
    let reply = ask(address, body).await;
    assert_eq!(reply.status(), 200);
    serde_json::from_str(reply.text()).unwrap()
}

fn code(reply: &Value) -> (i64, &Value) {
    (reply["error"]["code"].as_i64().unwrap(), &reply["id"])
}

#[tokio::test]
async fn a_call_is_answered_with_its_id() {
    let node = listen(echo()).await;

    for id in ["7", r#""a""#, "null", "-1.5"] {
        let call = format!(
            r#"{{"jsonrpc":"2.0","method":"Greeter.Hello","params":{{"name":"Ann"}},"id":{id}}}"#
        );
        let reply = ask(node.address(), &call).await;

        let expected = format!(r#"{{"jsonrpc":"2.0","result":{{"name":"Ann"}},"id":{id}}}"#);
        assert_eq!(reply.text(), expected);
        assert_eq!(reply.get("content-type"), Some("application/json"));
    }
}

#[tokio::test]
async fn the_message_may_be_the_one_of_a_list() {
    let node = listen(echo()).await;
    let call = r#"{"jsonrpc":"2.0","method":"Greeter.Hello","params":[{"name":"Ann"}],"id":1}"#;

    let reply = answer(node.address(), call).await;

    assert_eq!(reply["result"], json!({ "name": "Ann" }));
}

#[tokio::test]
async fn without_params_the_message_is_empty() {
    let node = listen(echo()).await;

    let reply = answer(
        node.address(),
        r#"{"jsonrpc":"2.0","method":"Greeter.Hello","id":1}"#,
    )
    .await;

    assert_eq!(reply["result"], json!({}));
}

#[tokio::test]
async fn params_of_another_kind_are_invalid() {
    let node = listen(echo()).await;

    for params in ["1", r#""a""#, "[1,2]"] {
        let call =
            format!(r#"{{"jsonrpc":"2.0","method":"Greeter.Hello","params":{params},"id":1}}"#);
        let reply = answer(node.address(), &call).await;

        assert_eq!(code(&reply), (-32602, &json!(1)), "{params}");
    }
}

#[tokio::test]
async fn a_notification_is_run_and_not_answered() {
    let (accept, mut calls) = recording();
    let node = listen(accept).await;

    let reply = ask(
        node.address(),
        r#"{"jsonrpc":"2.0","method":"Greeter.Hello"}"#,
    )
    .await;

    assert_eq!((reply.status(), reply.text()), (204, ""));
    assert_eq!(calls.recv().await.unwrap().endpoint, "Greeter.Hello");
}

#[tokio::test]
async fn a_batch_is_answered_in_its_order_but_for_notifications() {
    let node = listen(echo()).await;
    let batch = r#"[
        {"jsonrpc":"2.0","method":"Greeter.Hello","params":{"n":1},"id":1},
        {"jsonrpc":"2.0","method":"Greeter.Hello","params":{"n":2}},
        7,
        {"jsonrpc":"2.0","method":"Greeter.Hello","params":{"n":3},"id":3}
    ]"#;

    let reply = answer(node.address(), batch).await;

    let replies = reply.as_array().unwrap();
    assert_eq!(replies.len(), 3);
    assert_eq!(
        (&replies[0]["result"], &replies[2]["result"]),
        (&json!({"n": 1}), &json!({"n": 3}))
    );
    assert_eq!(code(&replies[1]), (-32600, &Value::Null));
}

#[tokio::test]
async fn a_batch_of_notifications_is_not_answered() {
    let node = listen(echo()).await;

    let reply = ask(
        node.address(),
        r#"[{"jsonrpc":"2.0","method":"Greeter.Hello"}]"#,
    )
    .await;

    assert_eq!((reply.status(), reply.text()), (204, ""));
}

#[tokio::test]
async fn an_empty_batch_and_one_that_is_too_long_are_one_error() {
    let node = listen_with(limits(|limits| limits.calls = 2), echo()).await;
    let call = r#"{"jsonrpc":"2.0","method":"Greeter.Hello","id":1}"#;

    for batch in ["[]".to_owned(), format!("[{call},{call},{call}]")] {
        let reply = answer(node.address(), &batch).await;

        assert_eq!(code(&reply), (-32600, &Value::Null), "{batch}");
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_a_parse_error() {
    let node = listen(echo()).await;

    for body in [r#"[{"jsonrpc":"2.0""#, "[1,"] {
        assert_eq!(
            code(&answer(node.address(), body).await).0,
            -32700,
            "{body}"
        );
    }
}

#[tokio::test]
async fn what_is_no_call_is_invalid() {
    let node = listen(echo()).await;

    for (body, id) in [
        (r#"{"jsonrpc":"2.0","id":1}"#, json!(1)),
        (r#"{"jsonrpc":"2.0","method":"A.B","id":[]}"#, Value::Null),
        (r#"{"jsonrpc":"1.0","method":"A.B","id":1}"#, json!(1)),
        (r#"{"jsonrpc":"2.0","method":7,"id":1}"#, Value::Null),
    ] {
        let reply = answer(node.address(), body).await;

        assert_eq!(code(&reply), (-32600, &id), "{body}");
    }
}

#[tokio::test]
async fn an_error_of_the_service_has_its_code_and_is_the_data() {
    let node = listen(failing(|| Error::conflict("greeter", "taken"))).await;

    let reply = answer(
        node.address(),
        r#"{"jsonrpc":"2.0","method":"Greeter.Hello","id":1}"#,
    )
    .await;

    assert_eq!(code(&reply), (409, &json!(1)));
    assert_eq!(reply["error"]["message"], "taken");
    assert_eq!(reply["error"]["data"]["id"], "greeter");
}

#[tokio::test]
async fn a_stream_is_refused() {
    let node = listen(by(
        |request: Request| async move { Ok(reply(&request, "{}")) },
    ))
    .await;

    let reply = answer(
        node.address(),
        r#"{"jsonrpc":"2.0","method":"Greeter.Stream","id":1}"#,
    )
    .await;

    assert_eq!(code(&reply), (501, &json!(1)));
}

#[tokio::test]
async fn the_time_of_a_batch_is_that_of_all_its_calls() {
    let deadlines = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&deadlines);
    let node = listen(by(move |request: Request| {
        seen.lock().unwrap().push(request.deadline.unwrap());
        // Those that wait for a place begin later.
        async move {
            tokio::time::sleep(Duration::from_millis(5)).await;
            Ok(Response::new(request.content_type, request.body))
        }
    }))
    .await;
    let call = r#"{"jsonrpc":"2.0","method":"Greeter.Hello","id":1}"#;
    let batch = format!("[{}]", [call; 20].join(","));

    let mut peer = Peer::connect(node.address()).await;
    let headers = format!("{JSON}Timeout: 5000000000\r\n");
    let reply = peer.exchange(post("/", &headers, &batch)).await;

    assert_eq!(reply.status(), 200);
    let deadlines = deadlines.lock().unwrap();
    assert_eq!(deadlines.len(), 20);
    assert!(deadlines.iter().all(|deadline| *deadline == deadlines[0]));
}
