//! A connection of HTTP/1.1: requests in order, one at a time, in one task.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Poll, ready};

use hyper::StatusCode;
use hyper::header::{CONNECTION, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::time::Instant;

use super::connection::exchange;
use super::opening::Opened;
use super::pace::{Pace, Phase};
use super::paced::Paced;
use super::watch::Watch;
use super::{Answer, Next};
use crate::listener::Site;
use crate::peer::Peer;

/// Serves the requests that come from `peer` until either side closes.
pub(super) async fn serve<A: Answer>(opened: Opened, peer: Peer, site: &Site, answer: &A) {
    let pace = Arc::new(Pace::default());
    let next = Next::default();
    let expiry = site.expiry();
    let service = service_fn(async |request| {
        let mut reply = exchange(site, answer, &peer, &pace, &next, request).await?;
        let is_old = expiry.is_some_and(|expiry| Instant::now() >= expiry);
        if is_old && reply.status() != StatusCode::SWITCHING_PROTOCOLS {
            let close = HeaderValue::from_static("close");
            reply.headers_mut().insert(CONNECTION, close);
        }
        Ok::<_, Infallible>(reply)
    });
    let connection = http1::Builder::new()
        .max_header_size(site.limits.head)
        .serve_connection(TokioIo::new(Paced::new(opened, Arc::clone(&pace))), service)
        .with_upgrades();
    // Dropped before what comes next: a connection that ended early tells it so by that alone.
    let mut connection = Box::pin(connection);
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
    drop(connection);
    if let Some(talk) = next.take() {
        talk(site).await;
    }
}
