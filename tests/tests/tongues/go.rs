//! Programs of real go-micro, called by us and calling us.

use std::collections::BTreeMap;

use futures_util::FutureExt;
use micro::Service;
use micro::message::ContentType;
use micro::prelude::*;
use micro::registry::{self, MemoryRegistry, Node, Registry};
use serde_json::{Value as Json, json};
use tests::go::{Go, Peer};

use crate::greeter::{Empty, Failure, GreeterClient, HelloRequest, Line, Number, Range};
use crate::table::{Outcome, Row};

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

fn same<T: PartialEq + std::fmt::Debug>(found: T, wanted: T) -> Outcome {
    match found == wanted {
        true => Ok(()),
        false => Err(format!("found {found:?}, expected {wanted:?}")),
    }
}

/// A client of ours, and the node of go-micro that it calls.
struct Called {
    client: GreeterClient,
    _service: Service,
    _node: Peer,
}

impl Called {
    async fn new(go: Go, form: &Form) -> Self {
        let node = tokio::task::spawn_blocking(move || {
            // The server of v5 sends a message of a stream twice and another never if they follow each other at once.
            go.start(["server", "-pace", "20ms"])
        });
        let node = node.await.unwrap();
        let mut metadata = BTreeMap::from([("transport".to_owned(), "http".to_owned())]);
        if !form.is_older {
            metadata.insert("protocol".to_owned(), "mucp".to_owned());
        }
        let own = Node {
            id: "greeter-1".to_owned(),
            address: node.said.clone(),
            metadata,
        };
        let record = registry::Service {
            name: "greeter".to_owned(),
            nodes: vec![own],
            ..registry::Service::default()
        };
        let registry = MemoryRegistry::new();
        registry.register(&record, None).await.unwrap();
        let mut options = micro::client::Options::default();
        options.content_type = form.content_type.clone();
        let service = Service::builder("caller")
            .registry(registry)
            .client(options)
            .build()
            .await
            .unwrap();
        Self {
            client: GreeterClient::new(&service),
            _service: service,
            _node: node,
        }
    }

    async fn unary(&self) -> Outcome {
        for name in ["John", "", "Jürgen <&>"] {
            let request = HelloRequest {
                name: name.to_owned(),
            };
            let reply = self
                .client
                .hello(request)
                .await
                .map_err(|error| error.to_string())?;
            same(reply.greeting, format!("Hello {name}"))?;
        }
        Ok(())
    }

    async fn errors(&self) -> Outcome {
        let request = Failure {
            code: 409,
            detail: "no <room>".to_owned(),
        };
        for _ in 0..2 {
            let error = self.client.fail(request.clone()).await.unwrap_err();
            same(
                (error.code(), error.id(), error.detail()),
                (409, "greeter.fail", "no <room>"),
            )?;
        }
        Ok(())
    }

    async fn metadata(&self) -> Outcome {
        let call = self.client.metadata(Empty {}).metadata("x-user", "42");
        let values = call.await.map_err(|error| error.to_string())?.values;
        same(values.get("X-User").map(String::as_str), Some("42"))
    }

    async fn deadline(&self) -> Outcome {
        let call = self
            .client
            .deadline(Empty {})
            .timeout(Duration::from_secs(3));
        let left = call.await.map_err(|error| error.to_string())?.millis;
        same((2000..=3000).contains(&left), true)
    }

    async fn server_stream(&self) -> Outcome {
        for fail in [false, true] {
            let mut values = self
                .client
                .count(Range { to: 3, fail })
                .await
                .map_err(|error| error.to_string())?;
            for wanted in 1..=3 {
                let value = values.next().await.ok_or("it ended early")?;
                same(value.map_err(|error| error.to_string())?.value, wanted)?;
            }
            let end = values
                .next()
                .await
                .map(|item| item.map_err(|error| error.code()));
            same(end.map(|end| end.unwrap_err()), fail.then_some(409))?;
        }
        Ok(())
    }

    async fn client_stream(&self) -> Outcome {
        let numbers = (1..=3).map(|value| Number {
            value,
            last: value == 3,
        });
        let sum = self.client.sum(stream::iter(numbers)).await;
        same(sum.map_err(|error| error.to_string())?.value, 6)
    }

    async fn both_ways(&self) -> Outcome {
        let lines = ["a", "b"].map(|text| Line {
            text: text.to_owned(),
        });
        let mut echoes = self
            .client
            .echo(stream::iter(lines))
            .await
            .map_err(|error| error.to_string())?;
        for wanted in ["a", "b"] {
            let line = echoes.next().await.ok_or("it ended early")?;
            same(&*line.map_err(|error| error.to_string())?.text, wanted)?;
        }
        Ok(())
    }
}

/// What comes of calling a node of `go`.
pub async fn called(go: Go, form: &Form) -> Row {
    let mut row = Row::new(format!("{} called in {}", name(go), form.name));
    let node = Called::new(go, form).await;
    row.tries("unary", node.unary().boxed_local()).await;
    row.tries("error", node.errors().boxed_local()).await;
    row.tries("metadata", node.metadata().boxed_local()).await;
    row.tries("deadline", node.deadline().boxed_local()).await;
    row.tries("server stream", node.server_stream().boxed_local())
        .await;
    row.tries("client stream", node.client_stream().boxed_local())
        .await;
    row.tries("both ways", node.both_ways().boxed_local()).await;
    row.forbids("half-close", ONE_END);
    row
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
