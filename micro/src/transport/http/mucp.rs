//! Calls as go-micro sends them: `POST /`, the endpoint in headers, errors in headers, status 200 always.

use std::time::Instant;

use bytes::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderValue};

use super::answer::Calls;
use super::{head, unary};
use crate::error::{Error, Result};
use crate::http::{Exchange, Outbound, pairs};
use crate::listener::Site;
use crate::message::{ContentType, Response};
use crate::wire;

/// True if the head names an endpoint.
pub(super) fn is_named(headers: &HeaderMap) -> bool {
    let has = |name| {
        headers
            .get(name)
            .is_some_and(|value| !HeaderValue::is_empty(value))
    };
    head::NAMES_OF_ENDPOINTS.iter().any(has)
}

/// Answers the call.
pub(super) async fn answer(calls: &Calls, mut exchange: Exchange<'_>) -> hyper::Response<Outbound> {
    let parts = &exchange.parts;
    let request = wire::read_request(pairs(&parts.headers), Instant::now());
    let content_type = request.content_type.clone();
    let fits = unary::one_reply(calls, &request).and_then(|()| unary::encoding(parts));
    let outcome = match fits {
        Ok(()) => unary::call(calls, &mut exchange, request, b"").await,
        Err(error) => Err(error),
    };
    reply(
        exchange.site,
        &content_type,
        outcome,
        exchange.parts.headers,
    )
}

/// The reply, in the map that held the request's headers.
fn reply(
    site: &Site,
    content_type: &ContentType,
    outcome: Result<Response>,
    mut headers: HeaderMap,
) -> hyper::Response<Outbound> {
    let id = headers.remove(head::ID);
    headers.clear();
    let limits = &site.limits;
    let written = outcome.and_then(|response| unary::write_success(&mut headers, response, limits));
    let body = written.unwrap_or_else(|error| {
        write_failure(&mut headers, content_type, &error);
        Bytes::new()
    });
    if let Some(id) = id {
        headers.insert(head::ID, id);
    }
    let mut reply = hyper::Response::new(Outbound::from(body));
    *reply.headers_mut() = headers;
    reply
}

/// Writes what stands above the reply of a call that ended with `error`.
pub(super) fn write_failure(headers: &mut HeaderMap, content_type: &ContentType, error: &Error) {
    let text = head::value(wire::failure_text(error));
    headers.insert(CONTENT_TYPE, head::content_type(content_type));
    headers.insert(head::ERROR_TWIN, text.clone());
    headers.insert(head::ERROR, text);
    headers.insert(
        head::REACHED,
        HeaderValue::from_static(wire::reached(error)),
    );
}
