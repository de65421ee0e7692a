//! Whether a call that failed may be made again, after which pause, and how often clients do so in all.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use super::Options;
use super::call::Method;
use crate::error::Error;
use crate::registry::Candidate;

/// The longest pause before the first repetition, and before any.
const PAUSE: (Duration, Duration) = (Duration::from_millis(25), Duration::from_secs(1));

/// How long calls and time that went by without repetitions count: when a node dies, all of its calls break at once.
const MEMORY: Duration = Duration::from_secs(10);

/// By how many milliseconds one thread's clock may be ahead of another's, at most.
const LEAD: u32 = 60_000;

/// True if the method may run twice.
///
/// The node that may have run it has to say that it is idempotent, and a compiled contract must agree.
pub(super) fn is_idempotent(method: &Method, candidate: &Candidate) -> bool {
    let announced = candidate
        .endpoint(&method.endpoint)
        .is_some_and(|endpoint| {
            endpoint
                .metadata
                .get("idempotent")
                .is_some_and(|value| value == "true")
        });
    announced && method.idempotent.unwrap_or(true)
}

/// True if `error` may be mended by running the method again.
pub(super) fn is_mendable(error: &Error) -> bool {
    // An error that the far end did not answer is a connection that broke.
    error.is_retryable() || !error.is_downstream()
}

/// How long to wait before repetition `number`, from 0. Anything up to twice the longest before, so that callers who
/// failed together do not come back together.
pub(super) fn pause(number: u32) -> Duration {
    let longest = PAUSE.0.saturating_mul(1 << number.min(16)).min(PAUSE.1);
    longest.mul_f64(fastrand::f64())
}

/// How many repetitions of what may have run a client may still make; shared by all its calls, without a lock.
///
/// It fills with each call and with time, and forgets what is older than about [`MEMORY`]: so there are never many more
/// than what [`Options::retry_budget`] and [`Options::retry_reserve`] allow for a time as long as that.
#[derive(Debug)]
pub(super) struct Budget {
    /// How much each call adds.
    share: f32,
    /// How much there is without calls; what time adds in [`MEMORY`].
    reserve: f32,
    since: Instant,
    /// When it was changed, in milliseconds after `since`, and how much there was then, as the bits of an `f32`.
    state: AtomicU64,
}

impl Budget {
    #[allow(clippy::cast_precision_loss)]
    pub(super) fn new(options: &Options) -> Self {
        let reserve = options.retry_reserve as f32 * MEMORY.as_secs_f32();
        Self {
            share: options.retry_budget as f32 / 100.0,
            reserve,
            since: Instant::now(),
            state: AtomicU64::new(joined(0, reserve)),
        }
    }

    /// Counts a call.
    pub(super) fn add(&self, now: Instant) {
        self.change(now, |left| Some(left + self.share));
    }

    /// Takes one repetition, if there is one left.
    pub(super) fn take(&self) -> bool {
        self.change(Instant::now(), |left| (left >= 1.0).then_some(left - 1.0))
    }

    /// Lets time pass, then changes what is left; false if `change` does not.
    fn change(&self, now: Instant, change: impl Fn(f32) -> Option<f32>) -> bool {
        let now = now.saturating_duration_since(self.since).as_millis();
        // It wraps after 49 days, in which the state has long been forgotten.
        let now = u32::try_from(now & u128::from(u32::MAX)).unwrap_or_default();
        let changed = self
            .state
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |state| {
                let (at, left) = split(state);
                let passed = now.wrapping_sub(at);
                // Another thread may have read its clock later and come first.
                let (at, passed) = if passed > u32::MAX - LEAD {
                    (at, 0)
                } else {
                    (now, passed)
                };
                let passed = Duration::from_millis(passed.into());
                let kept = (-passed.as_secs_f32() / MEMORY.as_secs_f32()).exp();
                let left = self.reserve + (left - self.reserve) * kept;
                change(left).map(|left| joined(at, left))
            });
        changed.is_ok()
    }
}

fn joined(at: u32, left: f32) -> u64 {
    u64::from(at) << 32 | u64::from(left.to_bits())
}

#[allow(clippy::cast_possible_truncation)]
fn split(state: u64) -> (u32, f32) {
    ((state >> 32) as u32, f32::from_bits(state as u32))
}

#[cfg(test)]
mod tests {
    use super::{Budget, Duration, Instant, Options, pause};
    use tokio::time::advance;

    fn left(budget: &Budget) -> usize {
        std::iter::repeat_with(|| budget.take())
            .take_while(|taken| *taken)
            .count()
    }

    #[tokio::test(start_paused = true)]
    async fn a_budget_without_calls_is_the_reserve_of_ten_seconds() {
        let budget = Budget::new(&Options::default());

        advance(Duration::from_secs(3600)).await;

        assert_eq!(left(&budget), 100);
    }

    #[tokio::test(start_paused = true)]
    async fn a_tenth_of_the_calls_is_added() {
        let budget = Budget::new(&Options::default());
        (0..1000).for_each(|_| budget.add(Instant::now()));

        // A tenth does not add up exactly.
        assert!((199..=200).contains(&left(&budget)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_budget_that_is_spent_fills_with_time() {
        let budget = Budget::new(&Options::default());
        left(&budget);

        let mut taken = 0;
        for _ in 0..100 {
            advance(Duration::from_millis(100)).await;
            taken += left(&budget);
        }

        assert!((80..=100).contains(&taken), "{taken}");
    }

    #[tokio::test(start_paused = true)]
    async fn calls_of_long_ago_are_forgotten() {
        let budget = Budget::new(&Options::default());
        (0..100_000).for_each(|_| budget.add(Instant::now()));

        advance(Duration::from_secs(150)).await;

        assert_eq!(left(&budget), 100);
    }

    #[tokio::test(start_paused = true)]
    async fn a_budget_that_was_spent_a_month_ago_is_full_again() {
        let budget = Budget::new(&Options::default());
        left(&budget);

        advance(Duration::from_secs(30 * 24 * 3600)).await;

        assert_eq!(left(&budget), 100);
    }

    /// The pauses before attempts that go-micro has, in milliseconds.
    fn captured(id: &str) -> Vec<u64> {
        let capture = include_str!("../../../tests/golden/unspoken.json");
        let capture: serde_json::Value = serde_json::from_str(capture).unwrap();
        let mut vectors = capture["vectors"].as_array().unwrap().iter();
        let vector = vectors.find(|vector| vector["id"] == id).unwrap();
        let times = vector["milliseconds"].as_array().unwrap().iter();
        times.map(|time| time.as_u64().unwrap()).collect()
    }

    // A fleet that moves waits no longer than it did; go-micro has no pause before the first attempt, and nor have we.
    #[test]
    fn no_pause_is_longer_than_that_of_go_micro_but_v1s_first() {
        for (id, first) in [("backoff-v0v1", 2), ("backoff-v6", 1)] {
            for (attempt, theirs) in captured(id).into_iter().enumerate().skip(first) {
                let repetition = u32::try_from(attempt).unwrap() - 1;

                let ours = (0..100).map(|_| pause(repetition)).max().unwrap();

                assert!(ours <= Duration::from_millis(theirs), "{id} {attempt}");
            }
        }
    }

    #[test]
    fn pauses_grow_to_a_second_and_no_longer() {
        let longest = |number| (0..1000).map(|_| pause(number)).max().unwrap();

        let times = [0, 1, 2, 30].map(|number| longest(number).as_millis());

        for (time, expected) in times.into_iter().zip([25, 50, 100, 1000]) {
            assert!((expected * 9 / 10..=expected).contains(&time), "{times:?}");
        }
    }
}
