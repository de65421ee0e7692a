//! The numbers of one endpoint, or of one topic.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::OK;
use super::snapshot::{Latency, Series};

/// The upper bounds of the latencies that are told apart, in microseconds.
const BOUNDS: [u64; 16] = [
    100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000,
    1_000_000, 2_500_000, 5_000_000, 10_000_000,
];

/// The first and the last code of failures; others count as 500.
const FAILURES: (u16, u16) = (400, 599);

/// What a call counts as whose caller left.
const LEFT: u16 = 499;

/// The numbers of one endpoint.
pub(super) struct Meter {
    in_flight: AtomicU64,
    parked: AtomicU64,
    hedged: AtomicU64,
    good: AtomicU64,
    failures: [AtomicU64; (FAILURES.1 - FAILURES.0 + 1) as usize],
    /// The last is for what took longer than every bound.
    buckets: [AtomicU64; BOUNDS.len() + 1],
    nanoseconds: AtomicU64,
}

impl Default for Meter {
    fn default() -> Self {
        Self {
            in_flight: AtomicU64::new(0),
            parked: AtomicU64::new(0),
            hedged: AtomicU64::new(0),
            good: AtomicU64::new(0),
            failures: [const { AtomicU64::new(0) }; _],
            buckets: [const { AtomicU64::new(0) }; _],
            nanoseconds: AtomicU64::new(0),
        }
    }
}

impl Meter {
    fn end(&self, code: u16, took: Duration) {
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
        let failure = usize::from(code).checked_sub(usize::from(FAILURES.0));
        let failure = failure.and_then(|place| self.failures.get(place));
        let outcome = match failure {
            _ if code == OK => &self.good,
            Some(failure) => failure,
            None => &self.failures[100],
        };
        outcome.fetch_add(1, Ordering::Relaxed);
        let microseconds = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let bucket = BOUNDS.partition_point(|bound| *bound < microseconds);
        self.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        let nanoseconds = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.nanoseconds.fetch_add(nanoseconds, Ordering::Relaxed);
    }

    /// Counts one that was sent to a second node, too.
    pub(super) fn hedged(&self) {
        self.hedged.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn series(&self, service: &str, endpoint: &str) -> Series {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let failures = (FAILURES.0..).zip(self.failures.iter().map(read));
        let outcomes = std::iter::once((OK, read(&self.good))).chain(failures);
        let mut count = 0;
        let mut up_to = |bucket| {
            count += read(bucket);
            count
        };
        let buckets = BOUNDS.iter().zip(&self.buckets);
        let buckets = buckets
            .map(|(bound, bucket)| (Duration::from_micros(*bound), up_to(bucket)))
            .collect();
        Series {
            service: service.to_owned(),
            endpoint: endpoint.to_owned(),
            in_flight: read(&self.in_flight),
            parked: read(&self.parked),
            hedged: read(&self.hedged),
            outcomes: outcomes.filter(|(_, count)| *count > 0).collect(),
            latency: Latency {
                buckets,
                count: up_to(&self.buckets[BOUNDS.len()]),
                sum: Duration::from_nanos(read(&self.nanoseconds)),
            },
        }
    }
}

/// One that is in flight until this is dropped; its caller left, unless it is told how it ended.
pub(super) struct Timed {
    meter: Arc<Meter>,
    begun: Instant,
    code: u16,
}

impl Timed {
    /// One more that is in flight.
    pub(super) fn begin(meter: Arc<Meter>) -> Self {
        meter.in_flight.fetch_add(1, Ordering::Relaxed);
        Self {
            meter,
            begun: Instant::now(),
            code: LEFT,
        }
    }

    pub(super) fn end(mut self, code: u16) {
        self.code = code;
    }

    /// Counts a message that is tried no more.
    pub(super) fn parked(&self) {
        self.meter.parked.fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for Timed {
    fn drop(&mut self) {
        self.meter.end(self.code, self.begun.elapsed());
    }
}

impl fmt::Debug for Timed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Timed")
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Meter;

    #[test]
    fn a_latency_counts_in_every_bucket_that_is_not_below_it() {
        let meter = Meter::default();
        meter.in_flight.store(2, super::Ordering::Relaxed);

        meter.end(200, Duration::from_micros(250));
        meter.end(200, Duration::from_secs(60));

        let latency = meter.series("", "").latency;
        let counts: Vec<u64> = latency.buckets.iter().map(|(_, count)| *count).collect();
        assert_eq!(counts[..3], [0, 1, 1]);
        assert_eq!((counts[15], latency.count), (1, 2));
    }

    #[test]
    fn a_code_that_no_failure_has_counts_as_500() {
        let meter = Meter::default();
        meter.in_flight.store(3, super::Ordering::Relaxed);

        for code in [0, 399, 600] {
            meter.end(code, Duration::ZERO);
        }

        assert_eq!(meter.series("", "").outcomes, [(500, 3)]);
    }
}
