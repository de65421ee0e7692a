//! How busy a node is, as this process sees it: what selectors weigh.
//!
//! Written by whoever makes attempts, through [`InFlight`]; read without waiting by any selector.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use super::outlier::Outlier;

/// How fast a latency that is not measured anew is forgotten: to about a third in this time.
///
/// Long enough that a slow node is tried rarely, short enough that one that has recovered is soon used again.
const MEMORY: Duration = Duration::from_secs(2);

/// What a failure counts as at least, however soon it came.
const FAILURE: Duration = Duration::from_millis(10);

/// The load of a node that has attempts under way and was never measured: more than that of any other.
const UNKNOWN: f64 = 1e12;

/// The attempts on one node, and how long they take. It outlives changes of the node's record.
#[derive(Debug)]
pub(super) struct Load {
    in_flight: AtomicU32,
    /// In nanoseconds; 0 before the first measurement.
    latency: AtomicU64,
    /// When `latency` was measured: nanoseconds after `since`.
    measured: AtomicU64,
    since: Instant,
    pub(super) outlier: Outlier,
}

impl Load {
    pub(super) fn new() -> Self {
        Self {
            in_flight: AtomicU32::new(0),
            latency: AtomicU64::new(0),
            measured: AtomicU64::new(0),
            since: Instant::now(),
            outlier: Outlier::default(),
        }
    }

    /// True if it is passed over because it went on failing.
    pub(super) fn is_out(&self) -> bool {
        self.outlier.is_out(|| self.age(Instant::now()))
    }

    pub(super) fn in_flight(&self) -> u32 {
        self.in_flight.load(Ordering::Relaxed)
    }

    pub(super) fn latency(&self, now: Instant) -> Option<Duration> {
        let known = self.latency.load(Ordering::Relaxed);
        let kept = self.kept(self.age(now));
        (known != 0).then(|| Duration::from_nanos(scaled(known, kept)))
    }

    /// In seconds.
    pub(super) fn weight(&self, now: Instant) -> f64 {
        let in_flight = f64::from(self.in_flight());
        match self.latency(now) {
            Some(latency) => (in_flight + 1.0) * latency.as_secs_f64(),
            None => in_flight * UNKNOWN,
        }
    }

    pub(super) fn age(&self, now: Instant) -> u64 {
        nanoseconds(now.saturating_duration_since(self.since))
    }

    /// The share of the last measurement that still counts at `now`.
    fn kept(&self, now: u64) -> f64 {
        let age = now.saturating_sub(self.measured.load(Ordering::Relaxed));
        (-Duration::from_nanos(age).as_secs_f64() / MEMORY.as_secs_f64()).exp()
    }

    /// Takes a slower attempt at its word, and lets a faster one pull the average down, if `is_answer`.
    fn measure(&self, now: Instant, took: Duration, is_answer: bool) {
        let now = self.age(now);
        let kept = self.kept(now);
        let took = nanoseconds(took).max(1);
        let change = self
            .latency
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |known| {
                // Given up too soon to tell anything of a node that was never measured.
                if known == 0 && !is_answer && took < nanoseconds(FAILURE) {
                    return None;
                }
                if took >= scaled(known, kept) {
                    return Some(took);
                }
                is_answer.then(|| scaled(known, kept) + scaled(took, 1.0 - kept))
            });
        if change.is_ok() {
            self.measured.store(now, Ordering::Relaxed);
        }
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// `whole` times a factor from 0 to 1.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss
)]
fn scaled(whole: u64, factor: f64) -> u64 {
    (whole as f64 * factor) as u64
}

/// One attempt under way; it counts until it is dropped.
///
/// One that is dropped without [`answered`](Self::answered) or [`failed`](Self::failed) was given up: the node looks
/// slower for it if it lasted longer than usual, and never faster.
#[derive(Debug)]
#[must_use = "the attempt counts as long as this lives"]
pub struct InFlight {
    load: Arc<Load>,
    began: Instant,
    is_measured: bool,
    /// It tries whether a node is back that was passed over.
    on_trial: bool,
}

impl InFlight {
    pub(super) fn begin(load: &Arc<Load>) -> Self {
        load.in_flight.fetch_add(1, Ordering::Relaxed);
        let began = Instant::now();
        Self {
            load: Arc::clone(load),
            began,
            is_measured: false,
            on_trial: load.outlier.is_claimed(|| load.age(began)),
        }
    }

    /// Says that the node has answered now: that is how long it took, however long the rest of a stream takes.
    pub fn answered(&mut self) {
        self.is_measured = true;
        let now = Instant::now();
        self.load.measure(now, now - self.began, true);
        let on_trial = std::mem::take(&mut self.on_trial);
        self.load.outlier.answered(on_trial, self.load.age(now));
    }

    /// Says that the node failed the call; true if it has done so too often.
    pub(super) fn is_one_too_many(&mut self, most: u32) -> bool {
        let on_trial = std::mem::take(&mut self.on_trial);
        self.load.outlier.has_failed_too_often(most, on_trial)
    }

    /// Says that the node has failed now, and counts that as twice as slow as it was: failing fast must not attract calls.
    pub fn failed(&mut self) {
        self.is_measured = true;
        let now = Instant::now();
        let usual = self.load.latency(now).unwrap_or_default();
        let took = (now - self.began).max(usual * 2).max(FAILURE);
        self.load.measure(now, took, false);
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        if !self.is_measured {
            let now = Instant::now();
            self.load.measure(now, now - self.began, false);
        }
        if self.on_trial {
            self.load.outlier.release();
        }
        self.load.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::{Arc, Duration, InFlight, Instant, Load};
    use tokio::time::advance;

    async fn attempt(load: &Arc<Load>, took: Duration) {
        let mut attempt = InFlight::begin(load);
        advance(took).await;
        attempt.answered();
    }

    #[tokio::test(start_paused = true)]
    async fn a_slower_answer_counts_at_once() {
        let load = Arc::new(Load::new());
        attempt(&load, Duration::from_millis(1)).await;

        attempt(&load, Duration::from_millis(200)).await;

        assert_eq!(
            load.latency(Instant::now()),
            Some(Duration::from_millis(200))
        );
    }

    #[tokio::test(start_paused = true)]
    async fn faster_answers_pull_the_latency_down_bit_by_bit() {
        let load = Arc::new(Load::new());
        attempt(&load, Duration::from_millis(200)).await;

        advance(Duration::from_secs(2)).await;
        attempt(&load, Duration::from_millis(1)).await;

        let millis = load.latency(Instant::now()).unwrap().as_millis();
        assert!((70..80).contains(&millis), "{millis}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_latency_fades_while_nothing_is_measured() {
        let load = Arc::new(Load::new());
        attempt(&load, Duration::from_millis(200)).await;

        advance(Duration::from_secs(20)).await;

        assert!(load.latency(Instant::now()).unwrap() < Duration::from_millis(1));
    }

    #[tokio::test(start_paused = true)]
    async fn an_attempt_that_is_given_up_early_makes_no_node_look_fast() {
        let load = Arc::new(Load::new());
        attempt(&load, Duration::from_millis(200)).await;

        drop(InFlight::begin(&load));

        assert_eq!(
            load.latency(Instant::now()),
            Some(Duration::from_millis(200))
        );
    }

    #[tokio::test(start_paused = true)]
    async fn an_attempt_that_is_given_up_at_once_measures_nothing() {
        let load = Arc::new(Load::new());

        drop(InFlight::begin(&load));

        assert_eq!(load.latency(Instant::now()), None);
    }

    #[tokio::test(start_paused = true)]
    async fn an_attempt_that_fails_fast_makes_a_node_look_slow() {
        let load = Arc::new(Load::new());
        attempt(&load, Duration::from_millis(200)).await;

        InFlight::begin(&load).failed();

        assert_eq!(
            load.latency(Instant::now()),
            Some(Duration::from_millis(400))
        );
    }

    #[tokio::test(start_paused = true)]
    async fn an_attempt_that_is_given_up_counts_for_as_long_as_it_lasted() {
        let load = Arc::new(Load::new());
        let hanging = InFlight::begin(&load);
        advance(Duration::from_secs(1)).await;

        drop(hanging);

        assert_eq!(
            (load.in_flight(), load.latency(Instant::now())),
            (0, Some(Duration::from_secs(1)))
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_node_that_was_never_measured_is_tried_once_and_then_waited_for() {
        let (fresh, known) = (Arc::new(Load::new()), Arc::new(Load::new()));
        attempt(&known, Duration::from_millis(1)).await;

        let before = fresh.weight(Instant::now()) < known.weight(Instant::now());
        let _first = InFlight::begin(&fresh);

        assert!(before && fresh.weight(Instant::now()) > known.weight(Instant::now()));
    }
}
