//! A service that fails most calls is not called for a while.

mod circuit;

use std::collections::BTreeMap;
use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::BuildHasher;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::time::Instant;

use self::circuit::{Circuit, Refusal, Terms};
use super::Next;
use super::guarded::{Guard, LONGEST, layers};
use crate::error::{Error, Result};
use crate::message::{Request, Response};

/// How many services, or endpoints, are told apart; beyond that calls go through as if there were no breaker.
const MOST: usize = 4096;

/// How often those are forgotten of which nothing is to be known any more, when there are too many.
const FORGET: Duration = Duration::from_secs(1);

/// A layer round calls that stops calling a service which fails most of them, and tries it again after a while.
///
/// - **Closed**: calls go through. It opens when, of the calls of the window, at least the minimum has ended and at least
///   the ratio of them has failed.
/// - **Open**: calls fail at once with 503, as never reached, saying why, since when, and when it is tried
///   ([`RetryAfter`](crate::RetryAfter)).
/// - **Half open**, after that time: as many calls as there are probes go through. If all of them are answered it closes;
///   the first that fails opens it again.
///
/// A call fails by 408, 502, 503 and 504: the service is away, or does not do its work. What a handler means, and being
/// refused for asking too much (429), are answers. A stream is answered when it is opened. Each service has a breaker of
/// its own; clones of the layer share them.
///
/// ```
/// use micro::prelude::*;
/// use micro::wrapper::Breaker;
///
/// # async fn example(service: micro::Service) {
/// let breaker = Breaker::new().minimum(10).open_for(Duration::from_secs(2));
/// let service = service.wrap_client(breaker);
/// # }
/// ```
#[derive(Clone)]
pub struct Breaker {
    terms: Terms,
    per_endpoint: bool,
    circuits: Arc<Circuits>,
}

#[derive(Default)]
struct Circuits {
    hashes: RandomState,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    /// Keys are hashes already.
    by_name: BTreeMap<u64, Circuit>,
    /// When some were forgotten last.
    forgotten: Option<Instant>,
}

impl Default for Breaker {
    fn default() -> Self {
        Self::new()
    }
}

impl Breaker {
    /// One that opens for 5 s when half of at least 20 calls of the last 10 s have failed, and has one probe.
    pub fn new() -> Self {
        Self {
            terms: Terms::default(),
            per_endpoint: false,
            circuits: Arc::default(),
        }
    }

    /// Which share of the calls must have failed, from 0 to 1.
    pub fn ratio(mut self, ratio: f64) -> Self {
        self.terms.ratio = ratio;
        self
    }

    /// Of how many calls at least; of fewer a share says nothing.
    pub fn minimum(mut self, calls: u32) -> Self {
        self.terms.minimum = calls.max(1);
        self
    }

    /// Over what time.
    pub fn window(mut self, time: Duration) -> Self {
        self.terms.window = time.min(LONGEST);
        self
    }

    /// How long it is open before the service is tried again.
    pub fn open_for(mut self, time: Duration) -> Self {
        self.terms.open = time.min(LONGEST);
        self
    }

    /// How many calls try the service, at least one; all must be answered.
    pub fn probes(mut self, calls: u32) -> Self {
        self.terms.probes = calls.max(1);
        self
    }

    /// Gives each endpoint a breaker of its own.
    pub fn per_endpoint(mut self) -> Self {
        self.per_endpoint = true;
        self
    }
}

impl Guard for Breaker {
    fn guard(&self, request: Request, next: Next) -> BoxFuture<'static, Result<Response>> {
        let endpoint = self.per_endpoint.then_some(&request.endpoint);
        let key = self.circuits.hashes.hash_one((&request.service, endpoint));
        let (terms, now) = (self.terms, Instant::now());
        let begun = self
            .circuits
            .with(key, &terms, now, |circuit| circuit.begin(&terms, now));
        let probe = match begun {
            Some(Err(refusal)) => {
                let name = endpoint.map_or_else(
                    || request.service.to_string(),
                    |endpoint| format!("{endpoint} of {}", request.service),
                );
                return std::future::ready(Err(refused(&name, &refusal))).boxed();
            }
            Some(Ok(probe)) => probe,
            None => return next.take(request),
        };
        let mut pass = Pass {
            circuits: Arc::clone(&self.circuits),
            terms,
            key,
            probe,
            ended: None,
        };
        let call = next.take(request);
        async move {
            let answer = call.await;
            pass.ended = Some(match &answer {
                Err(error) if error.is_outage() => Err(error.to_string()),
                _ => Ok(()),
            });
            drop(pass);
            answer
        }
        .boxed()
    }
}

impl Circuits {
    /// Does `what` with the circuit of `key`; `None` if there is no room for it.
    fn with<T>(
        &self,
        key: u64,
        terms: &Terms,
        now: Instant,
        what: impl FnOnce(&mut Circuit) -> T,
    ) -> Option<T> {
        // No panic comes between two changes of a circuit.
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.has_room(key, terms, now).then(|| {
            let circuit = known.by_name.entry(key).or_default();
            what(circuit)
        })
    }
}

impl Known {
    /// True if `key` is known, or can be.
    fn has_room(&mut self, key: u64, terms: &Terms, now: Instant) -> bool {
        if self.by_name.len() < MOST || self.by_name.contains_key(&key) {
            return true;
        }
        let is_due = |last| now.saturating_duration_since(last) >= FORGET;
        if self.forgotten.is_none_or(is_due) {
            self.forgotten = Some(now);
            self.by_name.retain(|_, circuit| circuit.counts(terms, now));
        }
        self.by_name.len() < MOST
    }
}

/// A call that was let through. Dropped before its end, it says nothing of the service.
struct Pass {
    circuits: Arc<Circuits>,
    terms: Terms,
    key: u64,
    /// Which trial it is a probe of.
    probe: Option<u64>,
    ended: Option<Result<(), String>>,
}

impl Drop for Pass {
    fn drop(&mut self) {
        let (terms, probe, ended) = (self.terms, self.probe, self.ended.take());
        let now = Instant::now();
        self.circuits.with(self.key, &terms, now, |circuit| {
            circuit.end(&terms, now, probe, ended);
        });
    }
}

fn refused(name: &str, refusal: &Refusal) -> Error {
    let Refusal {
        since,
        failed,
        calls,
        last,
        left,
    } = refusal;
    let next = match left {
        Some(left) => format!("it is tried in {left:.1?}"),
        None => "it is being tried by another call".to_owned(),
    };
    let detail = format!(
        "{name} has not been called for {since:.1?}, since {failed} of {calls} calls failed, the last by {last:?}; {next}"
    );
    let error = Error::unavailable("micro.breaker", detail).never_reached();
    match left {
        Some(left) => error.retry_after(*left),
        None => error,
    }
}

impl fmt::Debug for Breaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Breaker")
            .field("terms", &self.terms)
            .field("per_endpoint", &self.per_endpoint)
            .finish_non_exhaustive()
    }
}

layers!(Breaker);

#[cfg(test)]
mod tests {
    use super::{Circuits, Duration, Instant, MOST, Terms};

    #[test]
    fn names_that_are_called_no_more_leave_room_for_others() {
        let (circuits, terms, now) = (Circuits::default(), Terms::default(), Instant::now());
        let call = |key, now| {
            let called = circuits.with(key, &terms, now, |circuit| {
                let probe = circuit.begin(&terms, now).unwrap();
                circuit.end(&terms, now, probe, Some(Ok(())));
            });
            called.is_some()
        };
        (0..MOST as u64).for_each(|key| assert!(call(key, now)));

        let told_apart = [0, 60].map(|seconds| {
            let later = now + Duration::from_secs(seconds);
            call(MOST as u64, later)
        });

        assert_eq!(told_apart, [false, true]);
    }
}
