//! A connection of HTTP/2: many requests at once, all of them in one task.

use std::convert::Infallible;
use std::future::{Future, pending, poll_fn};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, ready};
use std::time::Duration;

use futures_util::Stream as _;
use futures_util::stream::FuturesUnordered;
use hyper::body::Incoming;
use hyper::rt::Executor;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::time::{Instant, sleep_until};

use super::connection::exchange;
use super::opening::Opened;
use super::owed::Owed;
use super::pace::{Pace, Phase};
use super::watch::Watch;
use super::{Answer, Next};
use crate::limits::Limits;
use crate::listener::Site;
use crate::peer::Peer;

/// How long an answer to a ping may take.
const PONG: Duration = Duration::from_secs(20);

/// Serves the requests that come from `peer` until either side closes.
pub(super) async fn serve<A: Answer>(opened: Opened, peer: Peer, site: &Site, answer: &A) {
    let limits = &site.limits;
    let calls = Calls::new(limits);
    let service = service_fn(|request| answered(site, answer, &peer, calls.pace(), request));
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
            idle.as_mut().reset(Instant::now() + limits.idle_timeout);
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
        if running.is_empty() {
            ready!(idle.as_mut().poll(cx));
            if leaves {
                tracing::debug!(%peer, "the last replies of a connection are not taken, and it is cut");
                return Poll::Ready(());
            }
            leaves = true;
            connection.as_mut().graceful_shutdown();
            idle.as_mut().reset(Instant::now() + limits.idle_timeout);
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    });
    ended.await;
}

/// Has one request answered.
async fn answered<A: Answer>(
    site: &Site,
    answer: &A,
    peer: &Peer,
    pace: Arc<Pace>,
    request: hyper::Request<Incoming>,
) -> Result<hyper::Response<Owed>, Infallible> {
    let next = Next::default();
    // What is left of the body is not waited for: the peer is told to stop.
    let (reply, _) = exchange(site, answer, peer, &pace, &next, request).await;
    Ok(reply.map(|body| Owed::new(body, pace)))
}

/// Drives `call` to its end, unless its caller is too slow to send its body or to take its reply.
async fn watched(call: impl Future<Output = ()>, pace: Arc<Pace>, limits: &Limits) {
    let mut call = pin!(call);
    let mut watch = Watch::new(&pace, limits);
    poll_fn(|cx| {
        loop {
            if call.as_mut().poll(cx).is_ready() {
                return Poll::Ready(());
            }
            match ready!(watch.poll(cx)) {
                // The next poll finds it, and answers.
                Phase::Body if !pace.is_stalled() => pace.give_up(),
                phase => {
                    tracing::debug!(?phase, "a call was too slow and is cut");
                    return Poll::Ready(());
                }
            }
        }
    })
    .await;
}

type Call<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// The calls of a connection that have come and do not run yet.
#[derive(Clone)]
struct Calls<'a> {
    limits: &'a Limits,
    come: Arc<Mutex<Come<'a>>>,
}

#[derive(Default)]
struct Come<'a> {
    calls: Vec<Call<'a>>,
    /// Of the one that is executed next.
    pace: Option<Arc<Pace>>,
}

impl<'a> Calls<'a> {
    fn new(limits: &'a Limits) -> Self {
        let come = Arc::default();
        Self { limits, come }
    }

    /// How fast the call moves that is executed next.
    fn pace(&self) -> Arc<Pace> {
        let pace = Arc::new(Pace::of_call());
        self.come().pace = Some(Arc::clone(&pace));
        pace
    }

    fn take(&self) -> Vec<Call<'a>> {
        std::mem::take(&mut self.come().calls)
    }

    fn come(&self) -> MutexGuard<'_, Come<'a>> {
        // Each change is one call, so that a panic leaves it whole.
        self.come.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<'a, F: Future<Output = ()> + Send + 'a> Executor<F> for Calls<'a> {
    fn execute(&self, call: F) {
        let mut come = self.come();
        let pace = come.pace.take().unwrap_or_default();
        come.calls.push(Box::pin(watched(call, pace, self.limits)));
    }
}
