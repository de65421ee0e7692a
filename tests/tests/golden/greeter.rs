//! The service that the captures were made with.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, StreamExt};
use micro::message::{Body, ContentType, Request, Response};
use micro::transport::{Accept, HttpTransport, Limits, Listener, Transport};
use micro::{Error, Result};

/// Greets by name, once or as a stream of two; `err` and `serr` are bad names, and no name gets no greeting. After two
/// greetings `wait` is not left.
struct Greeter;

impl Accept for Greeter {
    fn streams(&self, head: &Request) -> bool {
        head.endpoint == "Greeter.Stream"
    }

    fn call(&self, request: Request) -> BoxFuture<'static, Result<Response>> {
        if self.streams(&request) {
            return Box::pin(stream(request));
        }
        Box::pin(async move { answer(request) })
    }
}

fn answer(request: Request) -> Result<Response> {
    if request.endpoint != "Greeter.Hello" {
        return Err(Error::not_found("greeter", "no such endpoint").never_reached());
    }
    let content_type = request.content_type.clone();
    let name = read(&content_type, &request.body.into_bytes()?)?;
    if name == "err" {
        return Err(Error::bad_request("greeter.hello", "bad name err"));
    }
    let greeting = if name.is_empty() {
        String::new()
    } else {
        format!("Hello {name}")
    };
    let body = Body::Bytes(write(&content_type, &greeting).into());
    Ok(Response::new(content_type, body))
}

async fn stream(request: Request) -> Result<Response> {
    let content_type = request.content_type;
    let mut requests = request.body.into_stream();
    let Some(first) = requests.next().await else {
        return Err(Error::bad_request("greeter.stream", "no name came"));
    };
    let name = read(&content_type, &first?)?;
    let greetings = (0..2).map(|at| Ok(write(&content_type, &format!("{name} {at}")).into()));
    let greetings: Vec<Result<Bytes>> = greetings.collect();
    let end = match &*name {
        "serr" => stream::iter([Err(Error::forbidden("greeter.stream", "nope"))]).boxed(),
        // Until the caller goes.
        "wait" => requests
            .filter(|_| std::future::ready(false))
            .chain(stream::pending())
            .boxed(),
        _ => stream::empty().boxed(),
    };
    let body = Body::Stream(stream::iter(greetings).chain(end).boxed());
    Ok(Response::new(content_type, body))
}

/// The string in the only field.
fn read(content_type: &ContentType, body: &[u8]) -> Result<String> {
    if *content_type == ContentType::JSON {
        let value: serde_json::Value = serde_json::from_slice(body).map_err(|_| bad())?;
        return Ok(value["name"].as_str().unwrap_or_default().to_owned());
    }
    if *content_type == ContentType::PROTOBUF {
        return match body {
            [] => Ok(String::new()),
            [0x0a, length, text @ ..] if usize::from(*length) == text.len() => {
                String::from_utf8(text.to_vec()).map_err(|_| bad())
            }
            _ => Err(bad()),
        };
    }
    let detail = format!("content type {content_type} is not supported");
    Err(Error::unsupported("greeter", detail).never_reached())
}

fn write(content_type: &ContentType, text: &str) -> Vec<u8> {
    if *content_type == ContentType::JSON {
        return serde_json::json!({ "msg": text }).to_string().into_bytes();
    }
    if text.is_empty() {
        return Vec::new();
    }
    let mut body = vec![0x0a, u8::try_from(text.len()).unwrap()];
    body.extend_from_slice(text.as_bytes());
    body
}

fn bad() -> Error {
    Error::bad_request("greeter", "the body cannot be read")
}

pub async fn listen() -> Box<dyn Listener> {
    let transport = HttpTransport::new(Limits::default());
    transport
        .listen("127.0.0.1:0", Arc::new(Greeter))
        .await
        .unwrap()
}
