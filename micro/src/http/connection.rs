//! One connection to the server end: requests in order, one at a time, in one task.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Poll, ready};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{CONNECTION, EXPECT, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

use super::body::Inbound;
use super::pace::{Pace, Phase, Watch};
use super::paced::Paced;
use super::{Answer, Exchange};
use crate::listener::{Serve, Site};
use crate::tls::{Protocol, Stream};

impl<A: Answer> Serve for A {
    const PROTOCOLS: &'static [Protocol] = &[Protocol::Http];

    async fn serve(&self, stream: Stream, peer: Arc<str>, site: &Site) {
        serve(stream, peer, site, self).await;
    }
}

/// Serves the requests that come from `peer` until either side closes.
async fn serve<S, A>(stream: S, peer: Arc<str>, site: &Site, answer: &A)
where
    S: AsyncRead + AsyncWrite + Unpin,
    A: Answer,
{
    let pace = Pace::default();
    let service = service_fn(|request| exchange(site, answer, &peer, &pace, request));
    let connection = http1::Builder::new()
        .max_header_size(site.limits.head)
        .serve_connection(TokioIo::new(Paced::new(stream, &pace)), service);
    let mut connection = pin!(connection);
    let mut draining = pin!(site.draining());
    let mut watch = Watch::new(&pace, &site.limits);
    // One poll is enough to be woken, since the task that polls never changes.
    let mut registered = false;
    let ended = poll_fn(|cx| {
        if !watch.is_draining() && (!registered || site.is_draining()) {
            registered = true;
            if draining.as_mut().poll(cx).is_ready() {
                watch.drain();
            }
        }
        loop {
            if let Poll::Ready(ended) = connection.as_mut().poll(cx) {
                if let Err(error) = ended {
                    tracing::debug!(%peer, %error, "a connection broke");
                }
                return Poll::Ready(());
            }
            match ready!(watch.poll(cx)) {
                // The next poll of the connection finds it, and answers.
                Phase::Body if !pace.is_stalled() => pace.give_up(),
                phase => {
                    tracing::debug!(%peer, ?phase, "a connection was too slow and is cut");
                    return Poll::Ready(());
                }
            }
        }
    });
    ended.await;
}

/// Has one request answered, and leaves the connection fit for the next one, or closing.
async fn exchange<A: Answer>(
    site: &Site,
    answer: &A,
    peer: &Arc<str>,
    pace: &Pace,
    request: hyper::Request<Incoming>,
) -> Result<hyper::Response<Full<Bytes>>, Infallible> {
    pace.begin_body();
    let (parts, body) = request.into_parts();
    let mut body = Inbound::new(body);
    let waits = parts.headers.contains_key(EXPECT);
    let exchange = Exchange {
        site,
        peer,
        pace,
        parts,
        body: &mut body,
    };
    let mut reply = answer.answer(exchange).await;
    if !body.is_finished() && !waits {
        // A close with unread bytes would reset the connection, perhaps before the caller has read the answer.
        let limit = site.limits.message.saturating_mul(2);
        body.discard(limit, || pace.is_stalled()).await;
    }
    if !body.is_finished() || site.is_draining() {
        let close = HeaderValue::from_static("close");
        reply.headers_mut().insert(CONNECTION, close);
    }
    pace.begin_reply();
    Ok(reply)
}
