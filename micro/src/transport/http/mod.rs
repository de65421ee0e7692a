//! Calls over HTTP, in the forms of go-micro and of anybody.
//!
//! The server end is [`answer`], with a module for each form of a call and [`relay`] for streams, the client end
//! [`channel`], with [`open`] for streams to what [`make`] of node; [`head`] serves both. Connections are the business of
//! `http` and `listener`, envelopes of `codec`, and what the headers mean is said in `wire`.

mod answer;
mod channel;
mod enveloped;
mod events;
#[cfg(fuzzing)]
pub(super) mod fuzz;
#[cfg(feature = "grpc")]
pub(super) mod grpc;
mod head;
mod json_rpc;
mod make;
mod mucp;
mod open;
mod plain;
mod queue;
mod relay;
mod unary;
mod web;
#[cfg(feature = "transport-websocket")]
pub(super) mod web_frames;
#[cfg(feature = "websocket")]
mod web_socket;

use std::sync::Arc;

use async_trait::async_trait;

pub(super) use self::answer::Calls;
pub(super) use self::channel::HttpChannel;
use self::make::Make;
use super::{Accept, Backend, Channel, Facts, Limits, Listener, Options, Transport, Web, secured};
use crate::error::Result;
use crate::listener;
use crate::tls::{Ends, SECURE};

/// Who speaks in the errors of this transport.
const ID: &str = "micro.transport.http";
/// What stands in the place of an error when a stream has ended cleanly.
const EOS: &str = "EOS";

/// Calls over HTTP/1.1 and HTTP/2, spoken with go-micro of all generations, with curl, and with any HTTP client.
///
/// One port takes three forms of a call; the guide to [who calls](crate::tongues) has more of each:
///
/// - `POST /` with `Micro-Endpoint` (or `Micro-Method`; both also with `X-` in front), as go-micro sends it: the body is
///   in the codec of `Content-Type`, protobuf if there is none. The reply has status 200 always; an error is in
///   `Micro-Error` and `X-Micro-Error`, as JSON on one line, and the body is then empty.
/// - `POST /` with an [envelope](crate::codec::envelope::Envelope), as go-micro v0 sends it: the endpoint is in the body,
///   and so are errors, again with status 200.
/// - `POST /Greeter/Hello`, or `POST /greeter/Greeter.Hello` to name the service too, with `application/json`: the
///   status is the error's code and the body its JSON form. A missing body is `{}`.
///
/// `Timeout` is the time that the caller still waits, in nanoseconds. Other headers are metadata, but for those of one
/// hop. The record of a node decides in which form it is called.
///
/// # Streams
///
/// They own their connection, on which messages go back to back both ways, as in go-micro; HTTP/2 does not carry them.
///
/// # Streams by path
///
/// An endpoint that streams takes one message, as above, or many, one a line, with `application/x-ndjson`. Its replies
/// come one a line, or as server-sent events to who accepts `text/event-stream`. An error before the first of them is
/// the status. One that comes later is the last line, `{"error": …}`, and the reply is then broken off, or the event
/// `error`; a clean end is the event `end`. A stream of events that pauses sends a comment every 15 s.
///
/// # gRPC
///
/// With the feature `grpc`, every endpoint is `/greeter.Greeter/Hello` to callers of gRPC, over HTTP/2. Every server also
/// answers `grpc.health.v1.Health`, as it answers `GET /health/ready`, and `grpc.reflection.v1.ServerReflection` (and
/// `v1alpha`), which tells tools such as grpcurl what there is. Neither is announced.
///
/// # OpenAPI
///
/// `GET /openapi.json` describes the calls by path, as OpenAPI 3.1: an operation for each endpoint that takes JSON, by the
/// path that names its service.
///
/// # Browsers
///
/// Pages of other origins may call and read if [`Web::origins`] has theirs (CORS); by default none may. Over the loopback
/// interface only addresses and `localhost` are answered as names of the host, but for those in [`Web::hosts`].
///
/// With the feature `websocket`, `GET /Greeter/Hello` opens a WebSocket (RFC 6455): each message is a frame of JSON, an
/// empty one ends the requests. It is closed with the code 1000, or 4000 plus the code of the error, whose detail is the
/// reason; a page of another origin that may not call opens none.
///
/// # Limits
///
/// All of them are in [`Limits`]. A head must be complete within `head_timeout` of its first byte. A body, and a reply
/// that the caller reads, may pause, but after `head_timeout` must have come at `body_rate` on average; a call
/// whose body does not is answered 408. Headers number at most 100.
///
/// # Closing
///
/// A caller that closes its connection cancels its call. While [draining](Listener::drain), each reply says
/// `Connection: close`, and connections that idle are kept for `linger`, so that a call that is already on its way is
/// still answered.
#[derive(Clone, Debug, Default)]
pub struct HttpTransport {
    limits: Limits,
    ends: Ends,
    web: Web,
}

impl HttpTransport {
    /// What the records of its nodes say.
    pub(super) const OURS: (&'static str, &'static str) = Make::OURS;

    /// A transport with these bounds.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            ..Self::default()
        }
    }

    /// A transport as `options` want it, secured if they say so.
    ///
    /// # Errors
    ///
    /// `bad_request` for files that cannot be used.
    pub fn open(options: &Options) -> Result<Self> {
        Ok(Self {
            limits: options.limits.clone(),
            ends: Ends::open(&options.tls)?,
            web: options.web.clone(),
        })
    }
}

#[async_trait]
impl Transport for HttpTransport {
    fn dial(&self, address: &str, facts: &Facts) -> Result<Arc<dyn Channel>> {
        #[cfg(feature = "grpc")]
        if grpc::is_spoken(facts) {
            return grpc::dial(address, facts, &self.limits, &self.ends);
        }
        let (limits, node) = (self.limits.clone(), address.to_owned());
        let known = facts.clone();
        let make = move |way| HttpChannel::new(&node, &known, &limits, way);
        secured::dial(&self.ends, address, facts, make)
    }

    async fn listen(&self, address: &str, accept: Arc<dyn Accept>) -> Result<Box<dyn Listener>> {
        let calls = Calls::new(accept, self.web.clone());
        let listener =
            listener::Listener::bind(address, calls, self.limits.clone(), &self.ends).await?;
        Ok(Box::new(listener))
    }

    fn facts(&self) -> &'static [(&'static str, &'static str)] {
        match self.ends.is_on() {
            true => &[Self::OURS, SECURE],
            false => &[Self::OURS],
        }
    }

    fn name(&self) -> &'static str {
        "http"
    }
}

inventory::submit! {
    Backend {
        names: &["http"],
        open: |options| Ok(Arc::new(HttpTransport::open(options)?)),
    }
}
