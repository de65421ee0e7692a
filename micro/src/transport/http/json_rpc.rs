//! Calls in JSON-RPC 2.0 at `/`: single ones, notifications and batches.
//!
//! The status is 200, or 204 if nothing is to be answered; errors have codes of their own.

use std::time::Instant;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream;
use hyper::StatusCode;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::answer::Calls;
use super::{ID, unary};
use crate::error::{Error, Result};
use crate::http::{Exchange, Outbound, pairs, too_large};
use crate::message::{ContentType, Request};
use crate::wire;

/// How many calls of a batch run at once.
const AT_ONCE: usize = 16;

/// Codes that JSON-RPC has for what was never a call.
const UNREADABLE: i64 = -32700;
const INVALID: i64 = -32600;
const UNKNOWN: i64 = -32601;
const PARAMS: i64 = -32602;

/// One call as it stands there.
#[derive(Deserialize)]
struct Call<'a> {
    jsonrpc: Option<&'a str>,
    #[serde(borrow)]
    method: Option<std::borrow::Cow<'a, str>>,
    #[serde(borrow)]
    params: Option<&'a RawValue>,
    /// Absent of a notification; `null` is an id.
    #[serde(borrow, default, deserialize_with = "present")]
    id: Option<&'a RawValue>,
}

/// What stands there, though it be `null`.
fn present<'de: 'a, 'a, D: Deserializer<'de>>(from: D) -> Result<Option<&'a RawValue>, D::Error> {
    <&RawValue>::deserialize(from).map(Some)
}

#[derive(Serialize)]
struct Reply<'a> {
    jsonrpc: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Value>,
    id: &'a RawValue,
}

/// True if `body` is of this form, whether or not it is well formed.
pub(super) fn is_meant(body: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Version {
        #[serde(rename = "jsonrpc")]
        _jsonrpc: serde::de::IgnoredAny,
    }
    body.trim_ascii_start().starts_with(b"[") || serde_json::from_slice::<Version>(body).is_ok()
}

/// Answers what `body` holds.
pub(super) async fn answer(
    calls: &Calls,
    exchange: Exchange<'_>,
    body: &[u8],
) -> hyper::Response<Outbound> {
    exchange.pace.begin_handler();
    // The time that a caller gives is for all of it.
    let arrived = Instant::now();
    let is_batch = body.trim_ascii_start().starts_with(b"[");
    let replies = match is_batch {
        true => batch(calls, &exchange, body, arrived).await,
        false => one(calls, &exchange, body, arrived)
            .await
            .into_iter()
            .collect(),
    };
    let text = match (is_batch, &*replies) {
        (_, []) => String::new(),
        // What is wrong with a batch as a whole is no batch.
        (true, [whole]) if whole.is_whole => whole.text.clone(),
        (true, replies) => {
            let texts: Vec<&str> = replies.iter().map(|reply| &*reply.text).collect();
            format!("[{}]", texts.join(","))
        }
        (false, [reply, ..]) => reply.text.clone(),
    };
    finish(exchange.parts.headers, text)
}

fn finish(mut headers: HeaderMap, text: String) -> hyper::Response<Outbound> {
    headers.clear();
    let status = match text.is_empty() {
        true => StatusCode::NO_CONTENT,
        false => {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            StatusCode::OK
        }
    };
    let mut reply = hyper::Response::new(Outbound::from(Bytes::from(text)));
    *reply.status_mut() = status;
    *reply.headers_mut() = headers;
    reply
}

/// One reply, written.
struct Written {
    text: String,
    /// It answers a batch, not a call in it.
    is_whole: bool,
}

impl Written {
    fn new(id: &RawValue, outcome: Result<&RawValue, Value>) -> Self {
        let (result, error) = match outcome {
            Ok(result) => (Some(result), None),
            Err(error) => (None, Some(error)),
        };
        let reply = Reply {
            jsonrpc: "2.0",
            result,
            error,
            id,
        };
        Self {
            // Names and raw values can always be written.
            text: serde_json::to_string(&reply).unwrap_or_default(),
            is_whole: false,
        }
    }

    /// That something is wrong with what was sent.
    fn fault(id: &RawValue, code: i64, message: &str) -> Self {
        Self::new(id, Err(json!({ "code": code, "message": message })))
    }

    fn whole(self) -> Self {
        Self {
            is_whole: true,
            ..self
        }
    }
}

/// The replies to a batch, in its order; its calls run together.
async fn batch(
    calls: &Calls,
    exchange: &Exchange<'_>,
    body: &[u8],
    arrived: Instant,
) -> Vec<Written> {
    let limits = &exchange.site.limits;
    let parsed: Vec<&RawValue> = match serde_json::from_slice(body) {
        Ok(parsed) => parsed,
        Err(error) => return vec![unreadable(&error).whole()],
    };
    if parsed.is_empty() || parsed.len() > limits.calls {
        let message = format!(
            "a batch has 1 to {} calls (max_calls), found {}",
            limits.calls,
            parsed.len()
        );
        return vec![Written::fault(RawValue::NULL, INVALID, &message).whole()];
    }
    let parsed: Vec<Box<RawValue>> = parsed.into_iter().map(RawValue::to_owned).collect();
    let answered = stream::iter(parsed)
        .map(|call| async move { one(calls, exchange, call.get().as_bytes(), arrived).await })
        .buffered(AT_ONCE);
    let mut answered = std::pin::pin!(answered);
    let (mut replies, mut size) = (Vec::new(), 0);
    while let Some(reply) = answered.next().await {
        let Some(reply) = reply else { continue };
        size += reply.text.len();
        if size > limits.message {
            let error = too_large(ID, "the reply to the batch", None, limits.message);
            return vec![Written::new(RawValue::NULL, Err(told(&error))).whole()];
        }
        replies.push(reply);
    }
    replies
}

/// The reply to one call; `None` to a notification.
async fn one(
    calls: &Calls,
    exchange: &Exchange<'_>,
    text: &[u8],
    arrived: Instant,
) -> Option<Written> {
    let call: Call<'_> = match serde_json::from_slice(text) {
        Ok(call) => call,
        Err(error) if error.is_data() => {
            return Some(Written::fault(RawValue::NULL, INVALID, &error.to_string()));
        }
        Err(error) => return Some(unreadable(&error)),
    };
    let id = call.id.unwrap_or(RawValue::NULL);
    let is_id = matches!(
        id.get().as_bytes().first(),
        Some(b'"' | b'-' | b'n' | b'0'..=b'9')
    );
    let wrong = match call.method.as_deref() {
        _ if call.jsonrpc != Some("2.0") => Some(r#"expected "jsonrpc": "2.0""#),
        _ if !is_id => Some("an id is a string, a number or null"),
        None => Some("expected a method, such as Greeter.Hello"),
        Some(_) => None,
    };
    if let Some(wrong) = wrong {
        let id = if is_id { id } else { RawValue::NULL };
        return Some(Written::fault(id, INVALID, wrong));
    }
    let outcome = run(calls, exchange, &call, arrived).await;
    // Whoever notifies wants no answer, not even an error.
    call.id?;
    Some(match outcome {
        Ok(result) => match serde_json::from_slice::<&RawValue>(&result) {
            Ok(result) => Written::new(id, Ok(result)),
            Err(source) => Written::fault(id, -32603, &format!("the reply is no JSON: {source}")),
        },
        Err(error) => Written::new(id, Err(error)),
    })
}

/// Has the call answered; an error is as JSON-RPC writes it.
async fn run(
    calls: &Calls,
    exchange: &Exchange<'_>,
    call: &Call<'_>,
    arrived: Instant,
) -> Result<Bytes, Value> {
    let fault = |code: i64, message: String| json!({ "code": code, "message": message });
    let method = call.method.as_deref().unwrap_or_default();
    let (service, endpoint) = method.split_once('/').unwrap_or(("", method));
    let Some(found) = calls.accept.locate(service, endpoint) else {
        let shown: String = method.chars().take(100).collect();
        return Err(fault(UNKNOWN, format!("there is no method {shown:?}")));
    };
    let message = message(call.params).map_err(|wrong| fault(PARAMS, wrong))?;
    let mut request: Request = wire::read_request(pairs(&exchange.parts.headers), arrived);
    request.service = found;
    request.endpoint = endpoint.to_owned().into();
    request.content_type = ContentType::JSON;
    request.accept = None;
    let outcome = match unary::one_reply(calls, &request) {
        Ok(()) => unary::run(calls, exchange, request, message).await,
        Err(error) => Err(error),
    };
    let bytes = outcome.and_then(|response| response.body.into_bytes());
    bytes.map_err(|error| told(&error))
}

/// The message of a call: `params` itself, or the one that it has.
fn message(params: Option<&RawValue>) -> Result<Bytes, String> {
    let Some(params) = params else {
        return Ok(Bytes::from_static(b"{}"));
    };
    match params.get().as_bytes().first() {
        Some(b'{') => Ok(Bytes::copy_from_slice(params.get().as_bytes())),
        Some(b'[') => match serde_json::from_str::<Vec<&RawValue>>(params.get()).as_deref() {
            Ok([]) => Ok(Bytes::from_static(b"{}")),
            Ok([one]) => Ok(Bytes::copy_from_slice(one.get().as_bytes())),
            _ => Err("a method takes one message: send an object, or a list of one".to_owned()),
        },
        _ => Err("params are an object, or a list of one".to_owned()),
    }
}

/// An error of the service: its code is the service's own, and the whole of it is the data.
fn told(error: &Error) -> Value {
    let whole: Value = serde_json::from_str(&error.to_json()).unwrap_or_default();
    json!({ "code": error.code(), "message": error.detail(), "data": whole })
}

fn unreadable(error: &serde_json::Error) -> Written {
    Written::fault(
        RawValue::NULL,
        UNREADABLE,
        &format!("this is no JSON: {error}"),
    )
}
