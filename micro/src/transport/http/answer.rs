//! The server end: which form a request has, and who answers it.
//!
//! [`mucp`], [`enveloped`] and [`plain`] are the forms; what they share is in [`unary`]. What is a stream from its first byte
//! on is served by [`relay`].

use std::sync::Arc;

use futures_util::future::BoxFuture;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, StatusCode};

#[cfg(feature = "grpc")]
use super::grpc;
#[cfg(feature = "transport-websocket")]
use super::web_frames;
#[cfg(feature = "websocket")]
use super::web_socket;
use super::{enveloped, head, mucp, plain, relay, unary, web};
use crate::codec::envelope::Envelope;
use crate::http::{Answer, Exchange, Head, Opened, Outbound};
use crate::listener::Site;
use crate::peer::Peer;
use crate::transport::{Accept, Page, Web};

/// Answers what comes as calls.
pub(in super::super) struct Calls {
    pub(super) accept: Arc<dyn Accept>,
    /// Replies say that this port takes frames, too.
    takes_frames: bool,
    pub(super) web: Web,
}

impl Calls {
    /// What is answered by `accept`.
    pub(in super::super) fn new(accept: Arc<dyn Accept>, web: Web) -> Self {
        Self {
            accept,
            takes_frames: false,
            web,
        }
    }

    /// The same, on a port that takes frames, too.
    #[cfg(feature = "frames")]
    pub(in super::super) fn with_frames(accept: Arc<dyn Accept>, web: Web) -> Self {
        Self {
            takes_frames: true,
            ..Self::new(accept, web)
        }
    }
}

/// How a call came, and so how its reply goes.
enum Form {
    /// As go-micro sends it: errors are headers.
    Mucp,
    /// As clients of gRPC send it: errors are trailers.
    #[cfg(feature = "grpc")]
    Grpc,
    /// As pages in browsers send it: a message is a frame.
    #[cfg(feature = "websocket")]
    WebSocket,
    /// As our own ends send it where only HTTP passes: many, in frames.
    #[cfg(feature = "transport-websocket")]
    Frames,
    /// As go-micro sends it to older nodes, and those to it: errors are in the body.
    Enveloped(&'static dyn Envelope),
    /// As anybody sends it: errors are statuses.
    Plain,
}

impl Form {
    fn of(parts: &Parts) -> Self {
        #[cfg(feature = "grpc")]
        if grpc::is_asked(parts) {
            return Self::Grpc;
        }
        #[cfg(feature = "transport-websocket")]
        if web_frames::is_asked(parts) {
            return Self::Frames;
        }
        #[cfg(feature = "websocket")]
        if web_socket::is_asked(parts) {
            return Self::WebSocket;
        }
        let is_named = mucp::is_named(&parts.headers);
        if unary::well_formed(parts).is_err() || !(is_named || parts.uri.path() == "/") {
            return Self::Plain;
        }
        match enveloped::of(&parts.headers) {
            Some(envelope) => Self::Enveloped(envelope),
            None if is_named => Self::Mucp,
            None => Self::Plain,
        }
    }
}

impl Answer for Calls {
    async fn answer(&self, exchange: Exchange<'_>) -> hyper::Response<Outbound> {
        if let Err(error) = self.web.admit(&exchange.parts, exchange.peer.address()) {
            return plain::finish(HeaderMap::new(), Err(error));
        }
        let origin = self.web.origin(&exchange.parts.headers);
        let mut reply = match web::preflight(&exchange.parts, origin.as_ref()) {
            Some(reply) => reply,
            None => self.respond(exchange).await,
        };
        if let Some(origin) = origin {
            web::allow(reply.headers_mut(), origin);
        }
        reply
    }

    fn streams(&self, head: &Head, body: Option<&[u8]>, peer: &str) -> Option<bool> {
        relay::streams(self, head, body, peer)
    }

    async fn stream(&self, connection: Opened, peer: Peer, site: &Site) {
        relay::serve(self, connection, peer, site).await;
    }
}

impl Calls {
    async fn respond(&self, exchange: Exchange<'_>) -> hyper::Response<Outbound> {
        if let Some(page) = page(&*self.accept, &exchange.parts) {
            return show(page.await);
        }
        let mut reply = match Form::of(&exchange.parts) {
            Form::Mucp => mucp::answer(self, exchange).await,
            #[cfg(feature = "grpc")]
            Form::Grpc => return grpc::answer(self, exchange).await,
            #[cfg(feature = "websocket")]
            Form::WebSocket => return web_socket::answer(self, exchange),
            #[cfg(feature = "transport-websocket")]
            Form::Frames => return web_frames::answer(self, exchange),
            Form::Enveloped(envelope) => enveloped::answer(self, envelope, exchange).await,
            Form::Plain => plain::answer(self, exchange).await,
        };
        if self.takes_frames {
            let one = HeaderValue::from_static("1");
            reply.headers_mut().insert(head::FRAMES, one);
        }
        reply
    }
}

/// What is shown to whoever asks for this, if that is no call. Of a wrong head the form says what is wrong.
fn page(accept: &dyn Accept, parts: &Parts) -> Option<BoxFuture<'static, Page>> {
    let is_asked =
        matches!(parts.method, Method::GET | Method::HEAD) && unary::one_host(parts).is_ok();
    is_asked.then(|| accept.page(parts.uri.path())).flatten()
}

fn show(page: Page) -> hyper::Response<Outbound> {
    let mut reply = hyper::Response::new(Outbound::from(bytes::Bytes::from(page.text)));
    *reply.status_mut() =
        StatusCode::from_u16(page.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let content_type = HeaderValue::from_static(page.content_type);
    reply.headers_mut().insert(CONTENT_TYPE, content_type);
    reply
}
