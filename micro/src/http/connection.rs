//! One connection to the server end, whatever it speaks.

use std::convert::Infallible;
use std::sync::Arc;

use hyper::Version;
use hyper::body::Incoming;
use hyper::header::{CONNECTION, EXPECT, HeaderValue};

use super::inbound::Inbound;
use super::opening::{Speaks, open};
use super::outbound::Outbound;
use super::pace::Pace;
use super::{Answer, Exchange, Next, http1, http2};
use crate::listener::{Serve, Site};
use crate::peer::Peer;
use crate::tls::{Protocol, Stream};

impl<A: Answer> Serve for A {
    const PROTOCOLS: &'static [Protocol] = &[Protocol::Http2, Protocol::Http];

    async fn serve(&self, stream: Stream, peer: Peer, site: &Site) {
        let (opened, speaks) = match open(stream, site, self, peer.address()).await {
            Ok(opened) => opened,
            Err(error) => {
                tracing::debug!(%peer, %error, "a connection ended before its first call");
                return;
            }
        };
        match speaks {
            Speaks::Http1 => http1::serve(opened, peer, site, self).await,
            Speaks::Http2 => http2::serve(opened, peer, site, self).await,
            Speaks::Stream => self.stream(opened, peer, site).await,
        }
    }
}

/// Has one request answered, and leaves the connection fit for the next one, or closing.
pub(super) async fn exchange<A: Answer>(
    site: &Site,
    answer: &A,
    peer: &Peer,
    pace: &Arc<Pace>,
    next: &Next,
    request: hyper::Request<Incoming>,
) -> Result<hyper::Response<Outbound>, Infallible> {
    pace.begin_body();
    let (parts, body) = request.into_parts();
    let mut body = Inbound::of_call(body, pace);
    let version = parts.version;
    let waits = parts.headers.contains_key(EXPECT);
    let exchange = Exchange {
        site,
        peer,
        pace,
        parts,
        body: &mut body,
        next,
    };
    let mut reply = answer.answer(exchange).await;
    if !body.is_finished() && !waits {
        // A close with unread bytes would reset the connection, perhaps before the caller has read the answer.
        let limit = site.limits.message.saturating_mul(2);
        body.discard(limit).await;
    }
    // HTTP/2 says so once for the connection.
    if version < Version::HTTP_2 && (!body.is_finished() || site.is_draining()) {
        let close = HeaderValue::from_static("close");
        reply.headers_mut().insert(CONNECTION, close);
    }
    Ok(reply.map(|body| body.noted(pace)))
}
