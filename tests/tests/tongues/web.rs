//! curl, which calls us in plain HTTP and in JSON-RPC 2.0.

use futures_util::FutureExt;
use serde_json::{Value as Json, json};
use tokio::process::Command;

use crate::peer::answer;
use crate::table::{Outcome, Row, same};

const JSON: &str = "application/json";
const LINES: &str = "application/x-ndjson";
/// 3 s, in the header of go-micro.
const TIMEOUT: &str = "Timeout: 3000000000";
const USER: &str = "X-User: 42";

/// One request, as curl makes it.
struct Curl<'a> {
    url: String,
    body: String,
    content_type: &'a str,
    more: &'a str,
}

impl Curl<'_> {
    /// The status, and the body.
    async fn run(&self) -> Result<(String, String), String> {
        let mut command = Command::new("curl");
        command
            .args(["-sS", "--max-time", "20", "-w", "\n%{http_code}"])
            .args(["-H", &format!("Content-Type: {}", self.content_type)])
            .args(["-H", self.more, "--data-binary", &self.body, &self.url]);
        let printed = answer(&mut command).await?;
        let (body, status) = printed.rsplit_once('\n').ok_or("curl printed no status")?;
        Ok((status.to_owned(), body.to_owned()))
    }

    /// The body of an answer that is well.
    async fn body(&self) -> Result<String, String> {
        let (status, body) = self.run().await?;
        match &*status {
            "200" => Ok(body),
            _ => Err(format!("{status}: {body}")),
        }
    }

    async fn json(&self) -> Result<Json, String> {
        serde_json::from_str(&self.body().await?).map_err(|error| error.to_string())
    }
}

/// What comes of curl calling our node at `address` by path.
pub async fn calls(address: &str) -> Row {
    let by_path = |endpoint: &str, content_type, body: &str, more| Curl {
        url: format!("http://{address}/Greeter/{endpoint}"),
        body: body.to_owned(),
        content_type,
        more,
    };
    let call = |endpoint, body| by_path(endpoint, JSON, body, "");
    let mut row = Row::new("curl calls in JSON");
    let unary = async {
        let reply = call("Hello", r#"{"name":"Jürgen <&>"}"#).json().await?;
        same(reply, json!({"greeting": "Hello Jürgen <&>"}))
    };
    row.tries("unary", unary.boxed_local()).await;
    let error = async {
        let (status, body) = call("Fail", r#"{"code":409,"detail":"no <room>"}"#)
            .run()
            .await?;
        let error = micro::Error::from_wire(&body);
        same((&*status, error.detail()), ("409", "no <room>"))
    };
    row.tries("error", error.boxed_local()).await;
    let metadata = async { seen(&by_path("Metadata", JSON, "{}", USER).json().await?) };
    row.tries("metadata", metadata.boxed_local()).await;
    let deadline = async { in_time(&by_path("Deadline", JSON, "{}", TIMEOUT).json().await?) };
    row.tries("deadline", deadline.boxed_local()).await;
    let server_stream = async {
        let lines = call("Count", r#"{"to":2}"#).body().await?;
        same(&*lines, "{\"value\":1}\n{\"value\":2}\n")?;
        let accept = "Accept: text/event-stream";
        let failing = by_path("Count", JSON, r#"{"to":1,"fail":true}"#, accept);
        let events = failing.body().await?;
        let (value, error) = events
            .split_once("event: error\ndata: ")
            .ok_or("no error")?;
        let error = micro::Error::from_wire(error.trim());
        same((value, error.code()), ("data: {\"value\":1}\n\n", 409))
    };
    row.tries("server stream", server_stream.boxed_local())
        .await;
    for (column, numbers) in [
        (
            "client stream",
            "{\"value\":1}\n{\"value\":5,\"last\":true}",
        ),
        ("half-close", "{\"value\":1}\n{\"value\":5}\n"),
    ] {
        let sum = by_path("Sum", LINES, numbers, "");
        let sum = async { same(&sum.json().await?["value"], &json!(6)) };
        row.tries(column, sum.boxed_local()).await;
    }
    let lines = "{\"text\":\"a\"}\n{\"text\":\"b\"}\n";
    let echo = by_path("Echo", LINES, lines, "");
    let echo = async { same(&*echo.body().await?, lines) };
    row.tries("both ways", echo.boxed_local()).await;
    row
}

/// What comes of curl calling our node at `address` in JSON-RPC 2.0.
pub async fn calls_json_rpc(address: &str) -> Row {
    let call = |method: &str, params: Json, more| Curl {
        url: format!("http://{address}/"),
        body: json!({"jsonrpc": "2.0", "id": 7, "method": method, "params": params}).to_string(),
        content_type: JSON,
        more,
    };
    let mut row = Row::new("curl calls in JSON-RPC 2.0");
    let unary = async {
        let reply = call("Greeter.Hello", json!({"name": "Jürgen <&>"}), "");
        let wanted = json!({"jsonrpc": "2.0", "id": 7, "result": {"greeting": "Hello Jürgen <&>"}});
        same(reply.json().await?, wanted)
    };
    row.tries("unary", unary.boxed_local()).await;
    let error = async {
        let failure = json!({"code": 409, "detail": "no <room>"});
        let reply = call("Greeter.Fail", failure, "").json().await?;
        let error = &reply["error"];
        same(
            (&error["code"], &error["message"]),
            (&json!(409), &json!("no <room>")),
        )
    };
    row.tries("error", error.boxed_local()).await;
    let metadata = async {
        let reply = call("Greeter.Metadata", json!({}), USER).json().await?;
        seen(&reply["result"])
    };
    row.tries("metadata", metadata.boxed_local()).await;
    let deadline = async {
        let reply = call("Greeter.Deadline", json!({}), TIMEOUT).json().await?;
        in_time(&reply["result"])
    };
    row.tries("deadline", deadline.boxed_local()).await;
    for column in ["server stream", "client stream", "both ways", "half-close"] {
        row.forbids(column, "JSON-RPC 2.0 has no streams");
    }
    row
}

fn seen(reply: &Json) -> Outcome {
    let mut values = reply["values"].as_object().into_iter().flatten();
    let found = values.find(|(name, _)| name.eq_ignore_ascii_case("x-user"));
    same(found.map(|(_, value)| value), Some(&json!("42")))
}

fn in_time(reply: &Json) -> Outcome {
    let left = reply["millis"].as_i64();
    same(left.map(|left| (2000..=3000).contains(&left)), Some(true))
}
