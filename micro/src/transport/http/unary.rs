//! What forms share, and what those do that carry one message each way.

use std::fmt::Display;

use bytes::Bytes;
use hyper::header::{CONTENT_ENCODING, CONTENT_TYPE, HOST, HeaderMap};
use hyper::http::request::Parts;
use hyper::{Method, Version};

use super::ID;
use super::answer::Calls;
use super::head;
use crate::error::{Error, Result};
use crate::http::{Exchange, Fault, too_large};
use crate::limits::Limits;
use crate::listener::Site;
use crate::message::{Body, Request, Response};
use crate::wire;

/// Reads the rest of a call of one message each way, has it answered, and checks the answer.
///
/// A body that is empty is read as `missing`.
pub(super) async fn call(
    calls: &Calls,
    exchange: &mut Exchange<'_>,
    request: Request,
    missing: &'static [u8],
) -> Result<Response> {
    let bytes = read(exchange, &request.endpoint).await?;
    exchange.pace.begin_handler();
    let message = match bytes.is_empty() {
        true => Bytes::from_static(missing),
        false => bytes,
    };
    run(calls, exchange, request, message).await
}

/// Reads the body of a call of `endpoint`.
pub(super) async fn read(exchange: &mut Exchange<'_>, endpoint: &str) -> Result<Bytes> {
    let site = exchange.site;
    let read = exchange.body.read(site.limits.message).await;
    read.map_err(|fault| unreadable(endpoint, fault, site))
}

/// Has the call answered, and checks the answer.
pub(super) async fn run(
    calls: &Calls,
    exchange: &Exchange<'_>,
    mut request: Request,
    message: Bytes,
) -> Result<Response> {
    request.peer = Some(exchange.peer.clone());
    request.body = Body::Bytes(message);
    let mut response = calls.accept.call(request).await?;
    let bytes = response.body.into_bytes()?;
    let limit = exchange.site.limits.message;
    if bytes.len() > limit {
        return Err(too_large(ID, "the reply", Some(bytes.len() as u64), limit));
    }
    response.body = Body::Bytes(bytes);
    Ok(response)
}

/// What streams has a form of its own.
pub(super) fn one_reply(calls: &Calls, request: &Request) -> Result<()> {
    if calls.accept.streams(request) {
        let detail = format!(
            "{} streams: a stream has a connection of its own, and says so with its first head (Micro-Stream)",
            request.endpoint
        );
        return Err(Error::not_implemented(ID, detail));
    }
    Ok(())
}

/// What is wrong with the body of a call of `endpoint` that could not be read.
fn unreadable(endpoint: &str, fault: Fault, site: &Site) -> Error {
    let call = match endpoint {
        "" => "the call".to_owned(),
        endpoint => format!("the call of {endpoint}"),
    };
    match fault {
        Fault::TooLarge(size) => too_large(ID, &call, size, site.limits.message),
        Fault::Stalled => Error::timeout(
            ID,
            format!(
                "the body of {call} came too slowly: after {:?} at least {} bytes a second are expected",
                site.limits.head_timeout, site.limits.body_rate
            ),
        ),
        Fault::Broken(source) => {
            Error::bad_request(ID, format!("the body of {call} broke off")).with_source(source)
        }
    }
}

/// What holds for every request that is a call.
pub(super) fn well_formed(parts: &Parts) -> Result<()> {
    one_host(parts)?;
    if parts.method != Method::POST {
        let detail = format!("{} calls nothing: calls are made by POST", parts.method);
        return Err(Error::method_not_allowed(ID, detail));
    }
    Ok(())
}

pub(super) fn one_host(parts: &Parts) -> Result<()> {
    let hosts = parts.headers.get_all(HOST).iter().count();
    if hosts > 1 || (hosts == 0 && parts.version == Version::HTTP_11) {
        let detail = format!("the request has {hosts} Host headers: send one");
        return Err(Error::bad_request(ID, detail));
    }
    Ok(())
}

pub(super) fn encoding(parts: &Parts) -> Result<()> {
    match parts.headers.get(CONTENT_ENCODING) {
        Some(encoding) if encoding != "identity" => Err(unsupported(format_args!(
            "a body with content encoding {encoding:?} is not read: send it as it is"
        ))),
        _ => Ok(()),
    }
}

pub(super) fn unsupported(detail: impl Display) -> Error {
    Error::unsupported(ID, detail.to_string()).never_reached()
}

/// Writes what stands above a reply of one message into `headers`, which are empty, and hands out its body.
pub(super) fn write_success(
    headers: &mut HeaderMap,
    response: Response,
    limits: &Limits,
) -> Result<Bytes> {
    let written = write_head(headers, &response, limits);
    let body = written.and_then(|()| response.body.into_bytes());
    body.inspect_err(|_| headers.clear())
}

/// Writes what stands above the reply into `headers`, which are empty.
pub(super) fn write_head(
    headers: &mut HeaderMap,
    response: &Response,
    limits: &Limits,
) -> Result<()> {
    headers.insert(CONTENT_TYPE, head::content_type(&response.content_type));
    let pairs = wire::metadata_pairs(&response.metadata);
    head::write(headers, pairs, limits.head).map_err(|error| {
        Error::internal(ID, format!("the reply cannot be sent: {}", error.detail()))
    })
}
