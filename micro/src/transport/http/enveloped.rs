//! Calls whose body is an envelope, as go-micro v0 and ja-micro send all of theirs, and later ones those to older nodes.

use std::time::Instant;

use bytes::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderMap};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::answer::Calls;
use super::{head, json_rpc, mucp, plain, unary};
use crate::codec::envelope::{self, Call, Envelope};
use crate::error::Result;
use crate::http::{Exchange, Outbound, pairs};
use crate::listener::Site;
use crate::message::{Bare, ContentType, Request, Response};
use crate::wire;

/// The envelope of a body below this head, which go-micro chooses so.
pub(super) fn of(headers: &HeaderMap) -> Option<&'static dyn Envelope> {
    let content_type = headers.get(CONTENT_TYPE)?;
    let content_type = ContentType::new(&String::from_utf8_lossy(content_type.as_bytes()));
    envelope::find(&content_type, is_bare(headers))
}

/// True if the head is that of a peer that knows no headers of go-micro.
fn is_bare(headers: &HeaderMap) -> bool {
    let has = |names: &[_]| names.iter().any(|name| headers.contains_key(name));
    !has(&head::PROTOCOL)
        && (has(&head::TARGET) || !(mucp::is_named(headers) || has(&head::NAMES_OF_SERVICES)))
}

/// A call out of its envelope.
pub(super) struct Opened {
    pub(super) envelope: &'static dyn Envelope,
    /// What the caller calls the form of the body.
    pub(super) outer: ContentType,
    /// What is left of it once the message is taken.
    pub(super) call: Call,
}

impl Opened {
    /// Opens `body`; `request` is then the call of the message inside.
    pub(super) fn open(
        envelope: &'static dyn Envelope,
        headers: &HeaderMap,
        request: &mut Request,
        body: &Bytes,
    ) -> (Self, Result<Bytes>) {
        let outer = std::mem::replace(&mut request.content_type, envelope.inner());
        // The form of the reply is that of the request.
        request.accept = None;
        if is_bare(headers) {
            request.extensions.insert(Bare);
        }
        let mut opened = Self {
            envelope,
            outer,
            call: Call::default(),
        };
        let message = envelope.open_call(body).map(|mut call| {
            let message = std::mem::take(&mut call.message);
            // A head that names an endpoint has the last word, as in go-micro.
            if request.endpoint.is_empty() {
                request.endpoint = call.endpoint.clone().into();
            }
            opened.call = call;
            message
        });
        (opened, message)
    }
}

/// Answers the call.
pub(super) async fn answer(
    calls: &Calls,
    envelope: &'static dyn Envelope,
    mut exchange: Exchange<'_>,
) -> hyper::Response<Outbound> {
    let mut request = wire::read_request(pairs(&exchange.parts.headers), Instant::now());
    let body = match unary::encoding(&exchange.parts) {
        Ok(()) => unary::read(&mut exchange, &request.endpoint).await,
        Err(error) => Err(error),
    };
    let headers = &exchange.parts.headers;
    let (opened, message) = match body {
        Ok(body) => {
            if request.endpoint.is_empty() && envelope.inner() == ContentType::JSON {
                if json_rpc::is_meant(&body) {
                    return json_rpc::answer(calls, exchange, &body).await;
                }
                if !is_a_call(&body) {
                    return plain::answer(calls, exchange).await;
                }
            }
            Opened::open(envelope, headers, &mut request, &body)
        }
        // What came without a name and in no form that is known is told what is wrong as anybody is.
        Err(error)
            if request.endpoint.is_empty()
                && envelope.inner() == ContentType::JSON
                && !head::TARGET.iter().any(|name| headers.contains_key(name)) =>
        {
            return plain::finish(HeaderMap::new(), Err(error));
        }
        Err(error) => {
            let (opened, _) = Opened::open(envelope, headers, &mut request, &Bytes::new());
            (opened, Err(error))
        }
    };
    let outcome = match message {
        Ok(message) => {
            exchange.pace.begin_handler();
            match unary::one_reply(calls, &request) {
                Ok(()) => unary::run(calls, &exchange, request, message).await,
                Err(error) => Err(error),
            }
        }
        Err(error) => Err(error),
    };
    let mut headers = exchange.parts.headers;
    headers.clear();
    let body = opened.reply(exchange.site, &mut headers, outcome);
    let mut reply = hyper::Response::new(Outbound::from(Bytes::from(body)));
    *reply.headers_mut() = headers;
    reply
}

/// True if `body` may be a call in this form: other JSON is told what is wrong as anybody is.
fn is_a_call(body: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Keys {
        #[serde(rename = "method")]
        _method: IgnoredAny,
    }
    serde_json::from_slice::<Keys>(body).is_ok()
}

impl Opened {
    /// The body of the reply, with what stands above it written into `headers`, which are empty.
    fn reply(&self, site: &Site, headers: &mut HeaderMap, outcome: Result<Response>) -> Vec<u8> {
        let mut body = Vec::new();
        let limits = &site.limits;
        let written = outcome.and_then(|response| unary::write_success(headers, response, limits));
        match written {
            Ok(message) => {
                headers.insert(CONTENT_TYPE, head::content_type(&self.outer));
                self.envelope
                    .seal_reply(&self.call, Ok(&message), &mut body);
            }
            Err(error) => {
                // Later generations look there first, older ones know the body alone.
                mucp::write_failure(headers, &self.outer, &error);
                let text = wire::failure_text(&error);
                self.envelope.seal_reply(&self.call, Err(&text), &mut body);
            }
        }
        body
    }
}
