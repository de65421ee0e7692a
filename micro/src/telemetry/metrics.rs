//! The numbers of one service, counted by both its ends and by its subscribers.
//!
//! Counting is by atomics: it locks and allocates only for the first call of an endpoint.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;

use super::snapshot::{Latency, Series, Snapshot};
use super::{OK, OTHER};
use crate::registry::Cache;
use crate::transport::Listener;

/// How many endpoints are counted apart, by each end; the others are counted together.
const MOST: usize = 1000;

/// The longest name, in bytes, of what is counted apart.
const LONGEST: usize = 200;

/// The upper bounds of the latencies that are told apart, in microseconds.
const BOUNDS: [u64; 16] = [
    100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000,
    1_000_000, 2_500_000, 5_000_000, 10_000_000,
];

/// The first and the last code of failures; others count as 500.
const FAILURES: (u16, u16) = (400, 599);

/// What a call counts as whose caller left.
const LEFT: u16 = 499;

/// The numbers of one service since it was made. Cheap to clone; clones count together.
///
/// They are counted if [`Builder::metrics`](crate::Builder::metrics) or `--metrics` asks for it, and are then at
/// `GET /metrics` of the service's own port, too.
///
/// ```
/// # async fn example() -> micro::Result<()> {
/// let service = micro::Service::builder("greeter").metrics().build().await?;
/// let metrics = service.metrics().cloned();
///
/// for series in metrics.iter().flat_map(|metrics| metrics.snapshot().server) {
///     println!("{}: {} calls", series.endpoint, series.latency.count);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    server: Family,
    client: Family,
    publishers: Family,
    subscribers: Family,
    cache: Cache,
    /// Those that are served, as long as they are.
    listeners: Mutex<Vec<Weak<dyn Listener>>>,
}

impl Metrics {
    /// Of a service whose client end looks up nodes in `cache`.
    pub(crate) fn new(cache: Cache) -> Self {
        Self(Arc::new(Inner {
            server: Family::default(),
            client: Family::default(),
            publishers: Family::default(),
            subscribers: Family::default(),
            cache,
            listeners: Mutex::default(),
        }))
    }

    /// Counts the connections of `listener`, too.
    pub(crate) fn add(&self, listener: &Arc<dyn Listener>) {
        // Each change is one call, so that a panic leaves the list whole.
        let mut listeners = self
            .0
            .listeners
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        listeners.push(Arc::downgrade(listener));
    }

    /// The numbers as they are now.
    pub fn snapshot(&self) -> Snapshot {
        let listeners = self
            .0
            .listeners
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let listeners = listeners.iter().filter_map(Weak::upgrade);
        Snapshot {
            server: self.0.server.snapshot(),
            client: self.0.client.snapshot(),
            publishers: self.0.publishers.snapshot(),
            subscribers: self.0.subscribers.snapshot(),
            registry: self.0.cache.ages(),
            connections: listeners.map(|listener| listener.connections()).sum(),
        }
    }

    pub(super) fn server(&self, endpoint: Option<(&str, &str)>) -> Timed {
        self.0.server.begin(endpoint)
    }

    pub(super) fn client(&self, service: &str, endpoint: &str) -> Timed {
        self.0.client.begin(Some((service, endpoint)))
    }

    pub(super) fn publisher(&self, service: &str, topic: &str) -> Timed {
        self.0.publishers.begin(Some((service, topic)))
    }

    /// Counts a call that is being made and was sent to a second node, too.
    pub(super) fn hedged(&self, service: &str, endpoint: &str) {
        let meters = self.0.client.meters.load();
        let meter = find(&meters, service, endpoint);
        let meter = meter.unwrap_or_else(|| Arc::clone(&self.0.client.other));
        meter.hedged.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn subscriber(&self, service: &str, topic: &str) -> Timed {
        self.0.subscribers.begin(Some((service, topic)))
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

/// The endpoints that one end counts, by service and name.
struct Family {
    meters: ArcSwap<Meters>,
    /// Held while the set changes, so that one endpoint never gets two meters.
    changing: Mutex<()>,
    other: Arc<Meter>,
}

type Meters = HashMap<Arc<str>, HashMap<Arc<str>, Arc<Meter>>>;

impl Default for Family {
    fn default() -> Self {
        Self {
            meters: ArcSwap::default(),
            changing: Mutex::default(),
            other: Arc::new(Meter::default()),
        }
    }
}

impl Family {
    /// One more of `endpoint` of a service; none means one that is not known.
    fn begin(&self, endpoint: Option<(&str, &str)>) -> Timed {
        let meter = match endpoint {
            // Two series of one name would make the whole page one that Prometheus refuses.
            Some((service, endpoint))
                if service.len().max(endpoint.len()) <= LONGEST
                    && (service, endpoint) != (OTHER, OTHER) =>
            {
                find(&self.meters.load(), service, endpoint)
                    .unwrap_or_else(|| self.add(service, endpoint))
            }
            _ => Arc::clone(&self.other),
        };
        meter.in_flight.fetch_add(1, Ordering::Relaxed);
        Timed {
            meter,
            begun: Instant::now(),
            code: LEFT,
        }
    }

    #[cold]
    fn add(&self, service: &str, endpoint: &str) -> Arc<Meter> {
        // The lock guards no data.
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let meters = self.meters.load();
        if let Some(meter) = find(&meters, service, endpoint) {
            return meter;
        }
        if meters.values().map(HashMap::len).sum::<usize>() >= MOST {
            return Arc::clone(&self.other);
        }
        let mut meters = Meters::clone(&meters);
        let meter = Arc::new(Meter::default());
        let endpoints = meters.entry(service.into()).or_default();
        endpoints.insert(endpoint.into(), Arc::clone(&meter));
        self.meters.store(Arc::new(meters));
        meter
    }

    /// In order of names; what is counted together comes last, if there is any.
    fn snapshot(&self) -> Vec<Series> {
        let meters = self.meters.load();
        let mut all: Vec<Series> = meters
            .iter()
            .flat_map(|(service, own)| {
                own.iter()
                    .map(move |(name, meter)| meter.series(service, name))
            })
            .collect();
        all.sort_by(|one, other| {
            (&one.service, &one.endpoint).cmp(&(&other.service, &other.endpoint))
        });
        let other = self.other.series(OTHER, OTHER);
        all.extend((other.in_flight > 0 || other.latency.count > 0).then_some(other));
        all
    }
}

fn find<K>(
    meters: &HashMap<K, HashMap<K, Arc<Meter>>>,
    service: &str,
    endpoint: &str,
) -> Option<Arc<Meter>>
where
    K: Borrow<str> + Eq + Hash,
{
    meters.get(service)?.get(endpoint).cloned()
}

/// The numbers of one endpoint.
struct Meter {
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

    fn series(&self, service: &str, endpoint: &str) -> Series {
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

    use super::{Family, MOST, Meter};

    #[test]
    fn endpoints_beyond_the_bound_are_counted_together() {
        let family = Family::default();

        for number in 0..MOST + 2 {
            family.begin(Some(("any", &number.to_string()))).end(200);
        }

        let series = family.snapshot();
        assert_eq!(series.len(), MOST + 1);
        let other = series.last().unwrap();
        assert_eq!((&*other.endpoint, other.latency.count), ("other", 2));
    }

    #[test]
    fn an_endpoint_called_as_what_is_counted_together_is_counted_there() {
        let family = Family::default();

        family.begin(Some(("other", "other"))).end(200);
        family.begin(None).end(404);

        let series = family.snapshot();
        assert_eq!(series.len(), 1, "{series:?}");
        assert_eq!(series[0].outcomes, [(200, 1), (404, 1)]);
    }

    #[test]
    fn names_as_long_as_a_head_are_counted_together() {
        let family = Family::default();

        family.begin(Some(("any", &"x".repeat(1 << 16)))).end(200);

        assert_eq!(family.snapshot()[0].endpoint, "other");
    }

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

    #[test]
    fn a_caller_that_leaves_counts_as_499() {
        let family = Family::default();

        drop(family.begin(Some(("any", "Any.Call"))));

        assert_eq!(family.snapshot()[0].outcomes, [(499, 1)]);
    }
}
