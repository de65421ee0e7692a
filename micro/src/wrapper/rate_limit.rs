//! How many calls are let through in a time.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::time::Instant;

use super::Next;
use super::guarded::{Guard, layers};
use crate::error::{Error, Result};
use crate::message::{Request, Response};

/// How many are counted apart; what comes beyond shares one rate.
const MOST: usize = 65_536;

/// How often those are forgotten who have not called for long, when there are too many.
const FORGET: Duration = Duration::from_secs(1);

/// A layer that lets so many calls through in a time, and refuses the others.
///
/// It is a bucket of tokens: it fills evenly, and holds as many as the burst, so that what was not used may be used at
/// once. What is refused fails with 429, as never reached, and [says](crate::RetryAfter) when there is a token again; a
/// client sends it to another node, if there is one. Clones of the layer count together.
///
/// ```
/// use micro::prelude::*;
/// use micro::wrapper::RateLimit;
///
/// # async fn example(service: micro::Service) {
/// // Each user may call each endpoint ten times a second.
/// let limit = RateLimit::new(10, Duration::from_secs(1)).per_endpoint().per_metadata("x-user");
/// let service = service.wrap_handler(limit);
/// # }
/// ```
#[derive(Clone)]
pub struct RateLimit {
    calls: u32,
    per: Duration,
    burst: u32,
    per_endpoint: bool,
    per_peer: bool,
    per_metadata: Option<Arc<str>>,
    buckets: Arc<Buckets>,
}

impl RateLimit {
    /// `calls` in each `per`, for all together, and at most `calls` at once; at least one.
    pub fn new(calls: u32, per: Duration) -> Self {
        let calls = calls.max(1);
        Self {
            calls,
            per,
            burst: calls,
            per_endpoint: false,
            per_peer: false,
            per_metadata: None,
            buckets: Arc::default(),
        }
    }

    /// How many may come at once; at least one.
    pub fn burst(mut self, calls: u32) -> Self {
        self.burst = calls.max(1);
        self
    }

    /// Counts each endpoint apart.
    pub fn per_endpoint(mut self) -> Self {
        self.per_endpoint = true;
        self
    }

    /// Counts each caller apart, by the names that its certificate has proven, else by its host.
    pub fn per_peer(mut self) -> Self {
        self.per_peer = true;
        self
    }

    /// Counts each value of this metadata apart, such as a user; callers that send none are one.
    ///
    /// A caller can say any value: use what a layer further out has proved. 65,536 are told apart; when there are more, those
    /// beyond share one rate.
    pub fn per_metadata(mut self, name: impl AsRef<str>) -> Self {
        self.per_metadata = Some(name.as_ref().into());
        self
    }

    /// Which of those that are counted apart has made the call.
    fn key(&self, request: &Request) -> u64 {
        let mut hasher = self.buckets.hashes.build_hasher();
        if self.per_endpoint {
            request.service.hash(&mut hasher);
            request.endpoint.hash(&mut hasher);
        }
        if self.per_peer {
            match &request.peer {
                Some(peer) if !peer.names().is_empty() => peer.names().hash(&mut hasher),
                Some(peer) => host(peer.address()).hash(&mut hasher),
                None => {}
            }
        }
        if let Some(name) = &self.per_metadata {
            request.metadata.get(name).hash(&mut hasher);
        }
        hasher.finish()
    }
}

impl Guard for RateLimit {
    fn guard(&self, request: Request, next: Next) -> BoxFuture<'static, Result<Response>> {
        let step = nanoseconds(self.per / self.calls).max(1);
        let room = step.saturating_mul(u64::from(self.burst - 1));
        match self.buckets.take(self.key(&request), step, room) {
            Ok(()) => next.take(request),
            Err(wait) => {
                let Self { calls, per, .. } = self;
                let detail = format!(
                    "{} is called more than {calls} times in {per:?}: try again in {wait:.0?}",
                    request.endpoint
                );
                let refused = Error::too_many_requests("micro.rate_limit", detail);
                let refused = refused.retry_after(wait).never_reached();
                std::future::ready(Err(refused)).boxed()
            }
        }
    }
}

/// An address without its port.
fn host(address: &str) -> &str {
    address.rsplit_once(':').map_or(address, |(host, _)| host)
}

/// When each bucket is full again: nanoseconds after `begun`. One that is full need not be there.
struct Buckets {
    hashes: RandomState,
    begun: Instant,
    full: Mutex<Full>,
}

#[derive(Default)]
struct Full {
    at: HashMap<u64, u64>,
    /// When to forget next.
    forget: u64,
}

impl Buckets {
    /// Takes a token from the bucket of `key`, or says how long there is none.
    fn take(&self, key: u64, step: u64, room: u64) -> Result<(), Duration> {
        let now = nanoseconds(self.begun.elapsed());
        // Each change is one call, so that a panic leaves the map whole.
        let mut full = self.full.lock().unwrap_or_else(PoisonError::into_inner);
        let key = full.own(key, now);
        let at = full.at.entry(key).or_insert(now);
        let since = (*at).max(now);
        if since - now > room {
            return Err(Duration::from_nanos(since - now - room));
        }
        *at = since.saturating_add(step);
        Ok(())
    }
}

impl Full {
    /// `key` itself, as long as there is room for it.
    fn own(&mut self, key: u64, now: u64) -> u64 {
        if self.at.len() < MOST || self.at.contains_key(&key) {
            return key;
        }
        if now >= self.forget {
            self.at.retain(|_, at| *at > now);
            self.forget = now.saturating_add(nanoseconds(FORGET));
        }
        if self.at.len() < MOST { key } else { 0 }
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

impl Default for Buckets {
    fn default() -> Self {
        Self {
            hashes: RandomState::new(),
            begun: Instant::now(),
            full: Mutex::default(),
        }
    }
}

impl fmt::Debug for RateLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimit")
            .field("calls", &self.calls)
            .field("per", &self.per)
            .field("burst", &self.burst)
            .finish_non_exhaustive()
    }
}

layers!(RateLimit);

#[cfg(test)]
mod tests {
    use super::{Buckets, Duration, MOST};

    #[tokio::test(start_paused = true)]
    async fn those_beyond_the_bound_share_one_rate_until_others_are_forgotten() {
        let buckets = Buckets::default();
        let step = 1_000_000_000;
        for key in 1..=MOST as u64 {
            buckets.take(key, step, 0).unwrap();
        }

        let shared = [MOST as u64 + 1, MOST as u64 + 2].map(|key| buckets.take(key, step, 0));
        tokio::time::advance(Duration::from_secs(2)).await;
        let own = [MOST as u64 + 3, MOST as u64 + 4].map(|key| buckets.take(key, step, 0));

        assert!(shared[0].is_ok() && shared[1].is_err(), "{shared:?}");
        assert!(own.iter().all(Result::is_ok), "{own:?}");
    }
}
