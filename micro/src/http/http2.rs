//! A connection of HTTP/2: many requests at once, all of them in one task.

use std::convert::Infallible;
use std::future::{Future, pending, poll_fn};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream as _;
use futures_util::stream::FuturesUnordered;
use hyper::StatusCode;
use hyper::body::Incoming;
use hyper::rt::Executor;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::time::{Instant, sleep_until};

use super::connection::exchange;
use super::opening::Opened;
use super::pace::{Pace, Phase};
use super::watch::Watch;
use super::{Answer, Next, Outbound};
use crate::listener::Site;
use crate::peer::Peer;

/// How long an answer to a ping may take.
const PONG: Duration = Duration::from_secs(20);

/// Serves the requests that come from `peer` until either side closes.
pub(super) async fn serve<A: Answer>(opened: Opened, peer: Peer, site: &Site, answer: &A) {
    let limits = &site.limits;
    let calls = Calls::default();
    let service = service_fn(|request| watched(site, answer, &peer, request));
    let connection = http2::Builder::new(calls.clone())
        .timer(TokioTimer::new())
        .keep_alive_interval(Some(limits.idle_timeout))
        .keep_alive_timeout(PONG)
        .max_header_list_size(u32::try_from(limits.head).unwrap_or(u32::MAX))
        .max_concurrent_streams(u32::try_from(limits.calls).unwrap_or(u32::MAX))
        .serve_connection(TokioIo::new(opened), service);
    let mut connection = pin!(connection);
    let mut draining = pin!(site.draining());
    let mut running = FuturesUnordered::new();
    let mut idle = pin!(sleep_until(Instant::now() + limits.idle_timeout));
    let mut old = pin!(async {
        match site.expiry() {
            Some(expiry) => sleep_until(expiry).await,
            None => pending().await,
        }
    });
    let mut leaves = false;
    let ended = poll_fn(|cx| {
        if !leaves && (draining.as_mut().poll(cx).is_ready() || old.as_mut().poll(cx).is_ready()) {
            leaves = true;
            connection.as_mut().graceful_shutdown();
        }
        if let Poll::Ready(ended) = connection.as_mut().poll(cx) {
            if let Err(error) = ended {
                tracing::debug!(%peer, %error, "a connection broke");
            }
            return Poll::Ready(());
        }
        running.extend(calls.take());
        while let Poll::Ready(Some(())) = Pin::new(&mut running).poll_next(cx) {
            idle.as_mut().reset(Instant::now() + limits.idle_timeout);
        }
        if running.is_empty() && !leaves {
            ready!(idle.as_mut().poll(cx));
            leaves = true;
            connection.as_mut().graceful_shutdown();
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    });
    ended.await;
}

/// Has one request answered, unless its body comes too slowly.
async fn watched<A: Answer>(
    site: &Site,
    answer: &A,
    peer: &Peer,
    request: hyper::Request<Incoming>,
) -> Result<hyper::Response<Outbound>, Infallible> {
    let pace = Arc::new(Pace::of_call());
    let next = Next::default();
    let mut answered = pin!(exchange(site, answer, peer, &pace, &next, request));
    let mut watch = Watch::new(&pace, &site.limits);
    poll_fn(|cx| {
        loop {
            if let Poll::Ready(reply) = answered.as_mut().poll(cx) {
                return Poll::Ready(reply);
            }
            match ready!(watch.poll(cx)) {
                // The next poll finds it, and answers.
                Phase::Body if !pace.is_stalled() => pace.give_up(),
                _ => {
                    let mut late = hyper::Response::new(Outbound::from(Bytes::new()));
                    *late.status_mut() = StatusCode::REQUEST_TIMEOUT;
                    return Poll::Ready(Ok(late));
                }
            }
        }
    })
    .await
}

type Call<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// The calls of a connection that have come and do not run yet.
#[derive(Clone, Default)]
struct Calls<'a>(Arc<Mutex<Vec<Call<'a>>>>);

impl<'a> Calls<'a> {
    fn take(&self) -> Vec<Call<'a>> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<'a, F: Future<Output = ()> + Send + 'a> Executor<F> for Calls<'a> {
    fn execute(&self, call: F) {
        let mut calls = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        calls.push(Box::pin(call));
    }
}
