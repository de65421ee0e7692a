//! When a node that goes on failing is passed over, and how it comes back.
//!
//! Read without waiting by whoever chooses a node; changed when one fails as often as that takes.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

/// When nodes that go on failing are passed over, and for how long.
///
/// A node fails a call by 502, 503, 504 and 408, its own or those of the way to it; what else a handler answers is an
/// answer. After its time the node is tried by one call, which decides whether it is back.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ejection {
    /// How many failures in a row make a node one that is passed over; zero is none. Default 5.
    pub failures: u32,
    /// How long it is passed over, times the number of times that it was. Default 5 s.
    pub time: Duration,
    /// The longest that becomes. Default 60 s.
    pub longest: Duration,
    /// How many nodes of a service are left whatever they do, in percent. Default 50.
    ///
    /// When all fail, it is for another reason than the nodes, and fewer of them would only have more to do.
    pub floor: u32,
}

impl Default for Ejection {
    fn default() -> Self {
        Self {
            failures: 5,
            time: Duration::from_secs(5),
            longest: Duration::from_secs(60),
            floor: 50,
        }
    }
}

/// How much shorter the time may be, so that clients do not come back together.
const JITTER: f64 = 0.1;

/// How one node has done of late. Times are nanoseconds on the clock of its load.
#[derive(Debug, Default)]
pub(super) struct Outlier {
    /// Since the last answer.
    failures: AtomicU32,
    /// How often it was passed over without a good time in between.
    times: AtomicU32,
    /// Until when it is passed over; 0 if it is not.
    until: AtomicU64,
    /// A call is trying whether it is back.
    on_trial: AtomicBool,
    /// When it came back last.
    back: AtomicU64,
}

impl Outlier {
    /// True if it is not to be called: its time is not over, or a call is trying it.
    pub(super) fn is_out(&self, now: impl FnOnce() -> u64) -> bool {
        let until = self.until.load(Ordering::Relaxed);
        until != 0 && (self.on_trial.load(Ordering::Relaxed) || now() < until)
    }

    /// True for the one call that tries whether it is back.
    pub(super) fn is_claimed(&self, now: impl FnOnce() -> u64) -> bool {
        let until = self.until.load(Ordering::Relaxed);
        until != 0 && now() >= until && !self.on_trial.swap(true, Ordering::Relaxed)
    }

    /// Lets the next call try.
    pub(super) fn release(&self) {
        self.on_trial.store(false, Ordering::Relaxed);
    }

    /// It has answered a call, which was the one that tries if it was `on_trial`.
    pub(super) fn answered(&self, on_trial: bool, now: u64) {
        if self.failures.load(Ordering::Relaxed) != 0 {
            self.failures.store(0, Ordering::Relaxed);
        }
        if on_trial {
            self.take_back(now);
        }
    }

    /// It has failed a call; true if that was one too many.
    pub(super) fn has_failed_too_often(&self, most: u32, on_trial: bool) -> bool {
        if self.until.load(Ordering::Relaxed) != 0 && !on_trial {
            // It was under way when the others failed, or went there because no other node was left.
            return false;
        }
        let before = self.failures.fetch_add(1, Ordering::Relaxed);
        most > 0 && (on_trial || before.saturating_add(1) >= most)
    }

    /// Counts anew: there are too few others.
    pub(super) fn take_back(&self, now: u64) {
        self.failures.store(0, Ordering::Relaxed);
        if self.until.swap(0, Ordering::Relaxed) != 0 {
            self.back.store(now, Ordering::Relaxed);
        }
        self.release();
    }

    /// True while its time lasts: another call that failed with this one has been judged before.
    pub(super) fn is_judged(&self, now: u64) -> bool {
        now < self.until.load(Ordering::Relaxed)
    }

    /// Passes it over from `now` on, and says for how long.
    pub(super) fn pass_over(&self, ejection: &Ejection, now: u64) -> Duration {
        let longest = nanoseconds(ejection.longest);
        let good = now.saturating_sub(self.back.load(Ordering::Relaxed));
        let is_back = self.until.load(Ordering::Relaxed) == 0;
        if is_back && good > longest {
            self.times.store(0, Ordering::Relaxed);
        }
        let times = self.times.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        let time = ejection.time.saturating_mul(times).min(ejection.longest);
        let time = time.mul_f64(1.0 - JITTER * fastrand::f64());
        self.failures.store(0, Ordering::Relaxed);
        let until = now.saturating_add(nanoseconds(time)).max(1);
        self.until.store(until, Ordering::Relaxed);
        self.release();
        time
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::{Duration, Ejection, Outlier, nanoseconds};

    const SECOND: u64 = 1_000_000_000;

    fn seconds(outlier: &Outlier, now: u64) -> u64 {
        let time = outlier.pass_over(&Ejection::default(), now);
        // The jitter makes it shorter by a tenth at most.
        time.as_secs_f64().ceil() as u64
    }

    #[test]
    fn each_time_is_longer_than_the_last_up_to_a_minute() {
        let outlier = Outlier::default();

        let times: Vec<_> = (0..30).map(|_| seconds(&outlier, 0)).collect();

        assert!((9..=10).contains(&times[1]), "{times:?}");
        assert!(
            (54..=60).contains(&times[11]) && times[29] <= 60,
            "{times:?}"
        );
    }

    #[test]
    fn a_node_that_was_good_for_long_begins_with_a_short_time() {
        let outlier = Outlier::default();
        for _ in 0..10 {
            outlier.pass_over(&Ejection::default(), 0);
        }
        outlier.take_back(60 * SECOND);

        let time = seconds(&outlier, 121 * SECOND);

        assert!(time <= 5, "{time}");
    }

    #[test]
    fn a_node_that_was_back_for_a_moment_is_out_for_longer() {
        let outlier = Outlier::default();
        outlier.pass_over(&Ejection::default(), 0);
        outlier.take_back(5 * SECOND);

        let time = seconds(&outlier, 6 * SECOND);

        assert!(time > 5, "{time}");
    }

    #[test]
    fn failures_that_come_together_are_judged_once() {
        let outlier = Outlier::default();
        assert!(!outlier.is_judged(0));

        let time = nanoseconds(outlier.pass_over(&Ejection::default(), 0));

        assert_eq!(
            [time - 1, time].map(|now| outlier.is_judged(now)),
            [true, false]
        );
    }

    #[test]
    fn one_call_tries_at_a_time() {
        let outlier = Outlier::default();
        let time = nanoseconds(outlier.pass_over(&Ejection::default(), 0));

        let claims = [time - 1, time, time].map(|now| outlier.is_claimed(|| now));
        outlier.release();
        let again = outlier.is_claimed(|| time);

        assert_eq!((claims, again), ([false, true, false], true));
        assert!(outlier.is_out(|| time));
    }

    #[test]
    fn no_failures_in_a_row_are_too_many_if_none_are_told() {
        let outlier = Outlier::default();

        let never = (0..100).all(|_| !outlier.has_failed_too_often(0, false));

        assert!(never);
        assert_eq!(Ejection::default().time, Duration::from_secs(5));
    }
}
