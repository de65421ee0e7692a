//! One connection to the server end, whatever it speaks.

use std::sync::Arc;

use hyper::body::Incoming;

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

/// Has one request answered: the reply, and what is left of the body.
pub(super) async fn exchange<A: Answer>(
    site: &Site,
    answer: &A,
    peer: &Peer,
    pace: &Arc<Pace>,
    next: &Next,
    request: hyper::Request<Incoming>,
) -> (hyper::Response<Outbound>, Inbound) {
    pace.begin_body();
    let (parts, body) = request.into_parts();
    let mut body = Inbound::of_call(body, pace);
    let exchange = Exchange {
        site,
        peer,
        pace,
        parts,
        body: &mut body,
        next,
    };
    let reply = answer.answer(exchange).await;
    (reply.map(|body| body.noted(pace)), body)
}
