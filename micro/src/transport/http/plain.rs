//! Calls as anybody sends them: the endpoint in the path, errors as statuses.

use std::time::Instant;

use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use hyper::http::request::Parts;

use super::answer::Calls;
use super::{ID, events, head, unary};
use crate::error::{Error, Result, RetryAfter};
use crate::http::{Exchange, Outbound, pairs};
use crate::listener::Site;
use crate::message::{ContentType, Request, Response};
use crate::wire;

/// Answers the call.
pub(super) async fn answer(calls: &Calls, mut exchange: Exchange<'_>) -> hyper::Response<Outbound> {
    let outcome = match request(&exchange.parts) {
        Ok(request) if calls.accept.streams(&request) => {
            return events::answer(calls, exchange, request).await;
        }
        Ok(request) => match only_json(&request) {
            Ok(()) => unary::call(calls, &mut exchange, request, b"{}").await,
            Err(error) => Err(error),
        },
        Err(error) => Err(error),
    };
    let mut headers = exchange.parts.headers;
    headers.clear();
    let written = outcome.and_then(|response| write_success(exchange.site, &mut headers, response));
    finish(headers, written)
}

/// Writes what stands above a reply of one message, and hands out its body.
pub(super) fn write_success(
    site: &Site,
    headers: &mut HeaderMap,
    response: Response,
) -> Result<Outbound> {
    unary::write_head(headers, &response, &site.limits)?;
    Ok(response.body.into_bytes()?.into())
}

/// The reply of this head and body, or of the error.
pub(super) fn finish(
    mut headers: HeaderMap,
    written: Result<Outbound>,
) -> hyper::Response<Outbound> {
    let (status, body) = match written {
        Ok(body) => (StatusCode::OK, body),
        Err(error) => {
            headers.clear();
            write_failure(&mut headers, &error)
        }
    };
    let mut reply = hyper::Response::new(body);
    *reply.status_mut() = status;
    *reply.headers_mut() = headers;
    reply
}

fn request(parts: &Parts) -> Result<Request> {
    unary::well_formed(parts)?;
    let head = wire::read_request(pairs(&parts.headers), Instant::now());
    let request = by_path(parts, head)?;
    json(parts)?;
    unary::encoding(parts)?;
    Ok(request)
}

/// The call that the path names: `/Greeter/Hello` or `/greeter/Greeter.Hello`.
pub(super) fn by_path(parts: &Parts, mut request: Request) -> Result<Request> {
    let path = parts.uri.path();
    if path == "/"
        && head::TOPIC
            .iter()
            .any(|name| parts.headers.contains_key(name))
    {
        let detail = "this port takes calls, not messages: publish them to the broker";
        return Err(Error::not_implemented(ID, detail).never_reached());
    }
    if path == "/" {
        return Err(Error::bad_request(
            ID,
            "the request names no endpoint: send the header Micro-Endpoint, such as Greeter.Hello, \
             or POST to /Greeter/Hello",
        ));
    }
    let named = path[1..]
        .split_once('/')
        .filter(|(first, second)| !first.is_empty() && !second.is_empty() && !second.contains('/'));
    let Some((first, second)) = named else {
        let shown: String = path.chars().take(100).collect();
        let detail = format!(
            "there is nothing at {shown}: POST to /Greeter/Hello or /greeter/Greeter.Hello"
        );
        return Err(Error::not_found(ID, detail));
    };
    if second.contains('.') {
        request.service = first.to_owned().into();
        request.endpoint = second.to_owned().into();
    } else {
        request.endpoint = format!("{first}.{second}").into();
    }
    request.accept = None;
    Ok(request)
}

/// Only JSON is a call: what a page of another site can make a browser send is not.
fn json(parts: &Parts) -> Result<()> {
    let given = parts.headers.get(CONTENT_TYPE);
    let text = given.map(|value| String::from_utf8_lossy(value.as_bytes()));
    let content_type = text.as_deref().map(ContentType::new);
    let is_json = |one: ContentType| one == ContentType::JSON || one.as_str() == events::LINES;
    if content_type.is_some_and(is_json) {
        return Ok(());
    }
    let found = text.map_or_else(|| "none".to_owned(), |text| format!("{text:?}"));
    Err(unary::unsupported(format_args!(
        "a call by path has content type application/json, found {found}"
    )))
}

/// Many messages are for who takes a stream.
fn only_json(request: &Request) -> Result<()> {
    if request.content_type == ContentType::JSON {
        return Ok(());
    }
    Err(unary::unsupported(format_args!(
        "{} takes one message, of content type application/json, found {:?}",
        request.endpoint, request.content_type
    )))
}

fn write_failure(headers: &mut HeaderMap, error: &Error) -> (StatusCode, Outbound) {
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(
        head::REACHED,
        HeaderValue::from_static(wire::reached(error)),
    );
    if let Some(RetryAfter(time)) = error.typed() {
        let seconds = time.as_millis().div_ceil(1000);
        headers.insert(RETRY_AFTER, head::value(seconds));
    }
    let status = StatusCode::from_u16(error.code()).ok();
    // An error is never said to be a success.
    let status = status.filter(|status| status.is_client_error() || status.is_server_error());
    let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if status == StatusCode::METHOD_NOT_ALLOWED {
        headers.insert(ALLOW, HeaderValue::from_static("POST"));
    }
    (status, Bytes::from(error.to_json()).into())
}
