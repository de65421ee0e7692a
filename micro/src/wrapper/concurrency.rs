//! How many calls are under way at once: what is over waits for its turn, or is shed.

use std::fmt::Display;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

use super::Next;
use super::guarded::{Guard, LONGEST, held, layers};
use crate::error::{Error, Result};
use crate::message::{Request, Response};

/// A layer that lets so many calls be under way at once; the others wait for their turn, as long as they have time.
///
/// Those that come first go first. A stream is under way until its end. A call whose deadline comes before its turn fails
/// with 408, as never reached. Clones of the layer count together.
///
/// ```
/// # async fn example(service: micro::Service) {
/// // The bank is called by ten at a time, whoever in this process calls it.
/// let service = service.wrap_client(micro::wrapper::ConcurrencyLimit::new(10));
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct ConcurrencyLimit {
    most: usize,
    places: Arc<Semaphore>,
}

impl ConcurrencyLimit {
    /// At most `most` at once; at least one.
    pub fn new(most: usize) -> Self {
        let most = most.clamp(1, Semaphore::MAX_PERMITS);
        Self {
            most,
            places: Arc::new(Semaphore::new(most)),
        }
    }
}

impl Guard for ConcurrencyLimit {
    fn guard(&self, request: Request, next: Next) -> BoxFuture<'static, Result<Response>> {
        let Self { most, places } = self.clone();
        async move {
            let deadline = request.deadline.map(Instant::from_std);
            let Some(place) = place(places, deadline).await else {
                let detail = format!(
                    "the time for {} was over before it had one of {most} places",
                    request.endpoint
                );
                return Err(Error::timeout("micro.concurrency_limit", detail).never_reached());
            };
            Ok(held(next.run(request).await?, place))
        }
        .boxed()
    }
}

/// How much longer than the target a call waits for a place in a burst, and how long a burst lasts at most.
const BURST: u32 = 20;

/// A layer that refuses calls which would wait too long for a place: better a quick no than a late yes.
///
/// So many calls are under way at once, streams until their end. The others wait, but no longer than the target once the
/// queue has stood for 20 times the target; up to then, in a burst, they wait for up to 20 times as long. What is refused
/// fails with 429, as never reached: a client sends it to another node, and this one looks busier to it. Clones of the
/// layer count together.
///
/// ```
/// # async fn example(service: micro::Service) {
/// let service = service.wrap_handler(micro::wrapper::LoadShed::new(256));
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct LoadShed {
    most: usize,
    target: Duration,
    queue: Arc<Queue>,
}

#[derive(Debug)]
struct Queue {
    places: Arc<Semaphore>,
    begun: Instant,
    /// Since when there is always somebody waiting: nanoseconds after `begun`; `u64::MAX` if nobody is.
    standing: AtomicU64,
}

impl LoadShed {
    /// At most `most` at once, at least one, and a target of 5 ms.
    pub fn new(most: usize) -> Self {
        let most = most.clamp(1, Semaphore::MAX_PERMITS);
        let queue = Queue {
            places: Arc::new(Semaphore::new(most)),
            begun: Instant::now(),
            standing: AtomicU64::new(u64::MAX),
        };
        Self {
            most,
            target: Duration::from_millis(5),
            queue: Arc::new(queue),
        }
    }

    /// How long a call may wait in a queue that stands. With zero nothing waits.
    pub fn target(mut self, time: Duration) -> Self {
        self.target = time.min(LONGEST);
        self
    }
}

impl Queue {
    /// How long a call that comes now may wait.
    fn patience(&self, target: Duration) -> Duration {
        let now = u64::try_from(self.begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let since = self.standing.fetch_min(now, Ordering::Relaxed).min(now);
        let burst = target.saturating_mul(BURST);
        if Duration::from_nanos(now - since) < burst {
            burst
        } else {
            target
        }
    }
}

impl Guard for LoadShed {
    fn guard(&self, request: Request, next: Next) -> BoxFuture<'static, Result<Response>> {
        let Self {
            most,
            target,
            queue,
        } = self.clone();
        async move {
            let place = match Arc::clone(&queue.places).try_acquire_owned() {
                Ok(place) => {
                    queue.standing.store(u64::MAX, Ordering::Relaxed);
                    place
                }
                Err(_) => {
                    let patience = queue.patience(target);
                    let until = Instant::now() + patience;
                    let places = Arc::clone(&queue.places);
                    let place = place(places, Some(until)).await;
                    place.ok_or_else(|| shed(&request.endpoint, most, patience))?
                }
            };
            Ok(held(next.run(request).await?, place))
        }
        .boxed()
    }
}

/// A place, once it is free; `None` if the time is over before.
async fn place(places: Arc<Semaphore>, until: Option<Instant>) -> Option<OwnedSemaphorePermit> {
    let place = places.acquire_owned();
    // Nobody closes it.
    match until {
        None => place.await.ok(),
        Some(until) => timeout_at(until, place).await.ok()?.ok(),
    }
}

fn shed(endpoint: impl Display, most: usize, waited: Duration) -> Error {
    let waited = if waited.is_zero() {
        String::new()
    } else {
        format!(", and none was free within {waited:.0?}")
    };
    let detail = format!("{endpoint} is not taken: all places ({most}) are in use{waited}");
    Error::too_many_requests("micro.load_shed", detail).never_reached()
}

layers!(ConcurrencyLimit, LoadShed);
