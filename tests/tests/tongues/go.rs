//! Programs of real go-micro, called by us and calling us.

use futures_util::FutureExt;
use micro::message::ContentType;
use serde_json::{Value as Json, json};
use tests::go::Go;

use crate::called::Called;
use crate::table::{Row, same};

const ONE_END: &str = "go-micro cannot end its side of a stream and read on";

/// How messages go.
#[derive(Clone, Debug)]
pub struct Form {
    name: &'static str,
    /// What the caller prefers.
    content_type: ContentType,
    /// The node's record has no `protocol`, as those of go-micro v0.
    is_older: bool,
}

impl Form {
    const fn new(name: &'static str, content_type: ContentType, is_older: bool) -> Self {
        Self {
            name,
            content_type,
            is_older,
        }
    }
}

pub const FORMS: [Form; 4] = [
    Form::new("JSON", ContentType::JSON, false),
    Form::new("protobuf", ContentType::PROTOBUF, false),
    Form::new("json-rpc", ContentType::JSON, true),
    Form::new("proto-rpc", ContentType::PROTOBUF, true),
];

/// What our callers prefer, and nodes of go-micro do not take.
pub const OURS: [Form; 2] = [
    Form::new("our default", ContentType::MSGPACK, false),
    Form::new("our default, older", ContentType::MSGPACK, true),
];

fn name(go: Go) -> &'static str {
    match go {
        Go::V1 => "go-micro v1.18",
        Go::V5 => "go-micro v5.3",
    }
}

/// What comes of calling a node of `go`.
pub async fn called(go: Go, form: &Form) -> Row {
    let node = tokio::task::spawn_blocking(move || {
        // The server of v5 sends a message of a stream twice and another never if they follow each other at once.
        go.start(["server", "-pace", "20ms"])
    });
    let node = node.await.unwrap();
    let facts: &[_] = match form.is_older {
        true => &[("transport", "http")],
        false => &[("transport", "http"), ("protocol", "mucp")],
    };
    let called = Called::new(&node.said, facts, &form.content_type).await;
    let row = format!("{} called in {}", name(go), form.name);
    called.row(row, Some(ONE_END)).await
}

/// A program of go-micro that calls our node at `address`.
async fn runs(go: Go, form: &Form, address: &str, flags: &[&str], requests: &[Json]) -> Json {
    let mut line: Vec<String> = [
        "client",
        "-address",
        address,
        "-type",
        form.content_type.as_str(),
    ]
    .map(str::to_owned)
    .into();
    if form.is_older {
        line.push("-legacy".to_owned());
    }
    line.extend(flags.iter().map(|flag| (*flag).to_owned()));
    line.extend(requests.iter().map(Json::to_string));
    tokio::task::spawn_blocking(move || go.run(line))
        .await
        .unwrap()
}

/// What comes of a program of `go` calling our node at `address`.
pub async fn calls(go: Go, form: &Form, address: &str) -> Row {
    let mut row = Row::new(format!("{} calls in {}", name(go), form.name));
    let run = |flags: &'static [&'static str], requests: Vec<Json>| async move {
        runs(go, form, address, flags, &requests).await
    };
    let replies = |outcome: &Json| outcome["replies"].clone();
    row.tries(
        "unary",
        async {
            let outcome = run(&[], vec![json!({"name": "Jürgen <&>"})]).await;
            same(replies(&outcome), json!([{"greeting": "Hello Jürgen <&>"}]))
        }
        .boxed_local(),
    )
    .await;
    row.tries(
        "error",
        async {
            let failure = json!({"code": 409, "detail": "no <room>"});
            let outcome = run(&["-endpoint", "Greeter.Fail"], vec![failure]).await;
            let error = &outcome["error"];
            same(
                (
                    error["code"].clone(),
                    error["detail"].clone(),
                    error["id"].clone(),
                ),
                (json!(409), json!("no <room>"), json!("greeter.fail")),
            )
        }
        .boxed_local(),
    )
    .await;
    row.tries(
        "metadata",
        async {
            let outcome = run(
                &["-endpoint", "Greeter.Metadata", "-metadata", "X-User=42"],
                vec![json!({})],
            )
            .await;
            let values = &outcome["replies"][0]["values"];
            let user = values.as_object().and_then(|values| {
                values
                    .iter()
                    .find(|(name, _)| name.eq_ignore_ascii_case("x-user"))
            });
            same(user.map(|(_, value)| value.clone()), Some(json!("42")))
        }
        .boxed_local(),
    )
    .await;
    row.tries(
        "deadline",
        async {
            let outcome = run(
                &["-endpoint", "Greeter.Deadline", "-timeout", "3s"],
                vec![json!({})],
            )
            .await;
            let left = outcome["replies"][0]["millis"].as_i64();
            // v5 sends the time that its connection may take, which is 5 s.
            same(left.map(|left| (2000..=5000).contains(&left)), Some(true))
        }
        .boxed_local(),
    )
    .await;
    row.tries(
        "server stream",
        async {
            let outcome = run(&["-endpoint", "Greeter.Count"], vec![json!({"to": 3})]).await;
            same(
                replies(&outcome),
                json!([{"value": 1}, {"value": 2}, {"value": 3}]),
            )?;
            same(outcome["ended"].clone(), json!(true))?;
            let outcome = run(
                &["-endpoint", "Greeter.Count"],
                vec![json!({"to": 1, "fail": true})],
            )
            .await;
            same(outcome["error"]["code"].clone(), json!(409))
        }
        .boxed_local(),
    )
    .await;
    row.tries(
        "client stream",
        async {
            let numbers = vec![json!({"value": 1}), json!({"value": 5, "last": true})];
            let outcome = run(&["-endpoint", "Greeter.Sum", "-replies", "1"], numbers).await;
            same(replies(&outcome), json!([{"value": 6, "last": true}]))
        }
        .boxed_local(),
    )
    .await;
    row.tries(
        "both ways",
        async {
            let lines = vec![json!({"text": "a"}), json!({"text": "b"})];
            let outcome = run(&["-endpoint", "Greeter.Echo", "-replies", "2"], lines).await;
            same(replies(&outcome), json!([{"text": "a"}, {"text": "b"}]))
        }
        .boxed_local(),
    )
    .await;
    row.forbids("half-close", ONE_END);
    row
}
