//! A connection of HTTP/1.1: requests in order, one at a time, in one task.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use futures_util::future::BoxFuture;
use hyper::StatusCode;
use hyper::body::Incoming;
use hyper::header::{CONNECTION, EXPECT, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::time::Instant;

use super::connection::exchange;
use super::opening::Opened;
use super::pace::{Pace, Phase};
use super::paced::Paced;
use super::watch::Watch;
use super::{Answer, Next, Outbound};
use crate::listener::Site;
use crate::peer::Peer;

/// Serves the requests that come from `peer` until either side closes.
pub(super) async fn serve<A: Answer>(opened: Opened, peer: Peer, site: &Site, answer: &A) {
    let pace = Arc::new(Pace::default());
    let left = Left::default();
    let expiry = site.expiry();
    let service = service_fn(async |request| {
        let mut reply = answered(site, answer, &peer, &pace, &left, request).await;
        let is_old = expiry.is_some_and(|expiry| Instant::now() >= expiry);
        if is_old || site.is_draining() {
            close(&mut reply);
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
    let mut discarding = None;
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
            if left.discards(&mut discarding, &pace, cx) {
                // It learns of that by its next poll alone.
                continue;
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
    if let Some(talk) = left.next.take() {
        talk(site).await;
    }
}

/// What a request leaves for its connection to do.
#[derive(Default)]
struct Left {
    next: Next,
    /// Reads and forgets the rest of its body.
    unread: Mutex<Option<Rest>>,
}

type Rest = BoxFuture<'static, ()>;

impl Left {
    /// Reads the rest of a body beside its reply; true when that has ended just now.
    fn discards(&self, running: &mut Option<Rest>, pace: &Pace, cx: &mut Context<'_>) -> bool {
        if running.is_none()
            && let Some(rest) = self.unread().take()
        {
            pace.go_on_with_body();
            *running = Some(rest);
        }
        let has_ended = match running {
            Some(rest) => rest.as_mut().poll(cx).is_ready(),
            None => false,
        };
        if has_ended {
            *running = None;
            pace.end_body();
        }
        has_ended
    }

    fn unread(&self) -> MutexGuard<'_, Option<Rest>> {
        // It is whole after any panic: it is put in at once.
        self.unread.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Has one request answered, and leaves the connection fit for the next one, or closing.
async fn answered<A: Answer>(
    site: &Site,
    answer: &A,
    peer: &Peer,
    pace: &Arc<Pace>,
    left: &Left,
    request: hyper::Request<Incoming>,
) -> hyper::Response<Outbound> {
    let waits = request.headers().contains_key(EXPECT);
    let (mut reply, mut rest) = exchange(site, answer, peer, pace, &left.next, request).await;
    if rest.is_finished() {
        return reply;
    }
    let limit = site.limits.message.saturating_mul(2);
    if waits || pace.is_stalled() || !rest.is_within(limit) {
        close(&mut reply);
    }
    if !waits {
        // A close with unread bytes would reset the connection, perhaps before the caller has read the answer.
        let discard = async move { rest.discard(limit).await };
        *left.unread() = Some(Box::pin(discard));
    }
    reply
}

/// Says that the connection is closed after this reply, if it is one of HTTP.
fn close(reply: &mut hyper::Response<Outbound>) {
    if reply.status() != StatusCode::SWITCHING_PROTOCOLS {
        let close = HeaderValue::from_static("close");
        reply.headers_mut().insert(CONNECTION, close);
    }
}
