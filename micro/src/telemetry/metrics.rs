//! The numbers of one service, counted by both its ends and by its subscribers.
//!
//! Counting is by atomics: it locks and allocates only for the first call of an endpoint.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use arc_swap::ArcSwap;

use super::OTHER;
use super::meter::{Meter, Timed};
use super::snapshot::{Series, Snapshot};
use crate::registry::Cache;
use crate::transport::Listener;

/// How many endpoints are counted apart, by each end; the others are counted together.
const MOST: usize = 1000;

/// The longest name, in bytes, of what is counted apart.
const LONGEST: usize = 200;

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
        meter.hedged();
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
        Timed::begin(meter)
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

#[cfg(test)]
mod tests {
    use super::{Family, MOST};

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
    fn a_caller_that_leaves_counts_as_499() {
        let family = Family::default();

        drop(family.begin(Some(("any", "Any.Call"))));

        assert_eq!(family.snapshot()[0].outcomes, [(499, 1)]);
    }
}
