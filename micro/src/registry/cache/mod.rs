//! What the client end selects from: the nodes of the services that it calls, kept up to date in memory.
//!
//! One task for each service, however many callers; reading waits for no writer. The task is in `tend`,
//! what it shows in `snapshot`, and what is said when there is nothing to show in `missing`.

mod load;
mod missing;
mod outlier;
mod ring;
mod snapshot;
mod tend;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};
use tokio::sync::{Notify, watch};
use tokio::task::yield_now;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::{CancellationToken, DropGuard};

use self::missing::Seen;
use self::tend::{Standing, Tending};
use super::Registry;
use crate::error::{Error, Result};

pub use load::InFlight;
pub use outlier::Ejection;
pub use snapshot::{Candidate, Snapshot};

pub(super) const ID: &str = "micro.registry";

/// How long the first callers of a service may wait for a node, and later ones after its last node left.
const FIRST_NODE: Duration = Duration::from_secs(2);

/// The longest wait for a node; it can be added to any time.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// How many services are followed at once; names may come from requests that a gateway passes on.
const MOST_SERVICES: usize = 4096;

/// The nodes of the services that a client calls. Clones share one set; dropping the last ends its tasks.
///
/// A service is followed from its first [`snapshot`](Self::snapshot) on. While the registry cannot be reached,
/// the nodes that were known last stay in use; a registry that comes back empty is given 45 s to be filled again.
///
/// ```
/// use std::{sync::Arc, time::Duration};
/// use micro::registry::{Cache, MemoryRegistry, Node, Registry, Service};
///
/// # #[tokio::main]
/// # async fn main() -> micro::Result<()> {
/// let registry = MemoryRegistry::new();
/// let node = Node { id: "greeter-1".into(), address: "127.0.0.1:8080".into(), ..Node::default() };
/// let service = Service { name: "greeter".into(), nodes: vec![node], ..Service::default() };
/// registry.register(&service, None).await?;
///
/// let cache = Cache::new(Arc::new(registry));
/// let snapshot = cache.snapshot("greeter", Duration::from_secs(2)).await?;
///
/// assert_eq!(snapshot.candidates[0].node.address, "127.0.0.1:8080");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Cache(Arc<Owner>);

/// Ends the tasks when it is dropped; they hold `Shared`, not this.
struct Owner {
    shared: Arc<Shared>,
    _stop: DropGuard,
}

struct Shared {
    registry: Arc<dyn Registry>,
    services: ArcSwap<HashMap<Arc<str>, Arc<Followed>>>,
    /// Held while the set of services changes, so that one name never gets two tasks.
    changing: Mutex<()>,
    /// Held while a node is judged, so that never too many are passed over.
    judging: Mutex<()>,
    seen: Seen,
    stop: CancellationToken,
}

/// One service: written by its task, read by callers.
struct Followed {
    name: Arc<str>,
    snapshot: ArcSwapOption<Snapshot>,
    /// Closed when the task has ended.
    standing: watch::Receiver<Standing>,
    /// Makes the task ask the registry again.
    ask: Notify,
}

impl Cache {
    /// A cache of what `registry` knows. Nothing starts before the first [`snapshot`](Self::snapshot).
    pub fn new(registry: Arc<dyn Registry>) -> Self {
        let stop = CancellationToken::new();
        let shared = Shared {
            registry,
            services: ArcSwap::default(),
            changing: Mutex::default(),
            judging: Mutex::default(),
            seen: Seen::default(),
            stop: stop.clone(),
        };
        Self(Arc::new(Owner {
            shared: Arc::new(shared),
            _stop: stop.drop_guard(),
        }))
    }

    /// The registry behind it.
    pub fn registry(&self) -> &Arc<dyn Registry> {
        &self.0.shared.registry
    }

    /// The nodes of `name` as known now; `None` if there is none, or if nobody asked for it yet.
    ///
    /// It neither waits nor allocates.
    pub fn peek(&self, name: &str) -> Option<Arc<Snapshot>> {
        self.0
            .shared
            .services
            .load()
            .get(name)?
            .snapshot
            .load_full()
    }

    /// How old is what is known of `name`: zero while its registry can be reached, which tells of each change, else the
    /// time since then; `None` if its registry has told nothing of it yet.
    pub fn age(&self, name: &str) -> Option<Duration> {
        let services = self.0.shared.services.load();
        let standing = services.get(name)?.standing.borrow();
        let age = match standing.trouble {
            Some(_) => standing.told_at.elapsed(),
            None => Duration::ZERO,
        };
        standing.is_answered.then_some(age)
    }

    /// The [`age`](Self::age) of what is known of each service, in order of names.
    pub(crate) fn ages(&self) -> Vec<(String, Duration)> {
        let services = self.0.shared.services.load();
        let ages = services
            .keys()
            .filter_map(|name| Some((name.to_string(), self.age(name)?)));
        let mut ages: Vec<_> = ages.collect();
        ages.sort_unstable();
        ages
    }

    /// The nodes of `name`, after waiting up to `patience` for the first one.
    ///
    /// When one announces itself, those that do so within 20 ms are waited for, too: callers then spread over all of them.
    /// Callers that come when there was no node for 2 s (or for `patience`, if that is longer) do not wait again.
    /// Dropping the future cancels the wait, not the task that follows the service.
    ///
    /// # Errors
    ///
    /// All are marked as [never reached](Error::is_never_reached). `not_found` if nothing is known by that name;
    /// `unavailable` if the service is known but has no live node, if the registry cannot be reached and nothing is
    /// known of the service, and if 4,096 services are followed already; `bad_request` if the name is empty.
    pub async fn snapshot(&self, name: &str, patience: Duration) -> Result<Arc<Snapshot>> {
        let began = Instant::now();
        let patience = patience.min(LONGEST);
        loop {
            if let Some(snapshot) = self.peek(name) {
                return Ok(snapshot);
            }
            let followed = self.0.shared.follow(name)?;
            let mut standing = followed.standing.clone();
            let now = standing.borrow_and_update().clone();
            if let Some(snapshot) = followed.snapshot.load_full() {
                return Ok(snapshot);
            }
            let until = (now.empty_since + patience.max(FIRST_NODE)).min(began + patience);
            match timeout_at(until, standing.changed()).await {
                Ok(Ok(())) => {}
                // The task has ended, and another is started; not in a tight loop, should its runtime be ending too.
                Ok(Err(_)) => yield_now().await,
                Err(_) => return Err(self.missing(name, &now).await.never_reached()),
            }
        }
    }

    /// Passes `candidate` over, after it refused a connection, and asks the registry again.
    ///
    /// Until it is announced anew, or for 30 s, it is offered only if no other node is left. Snapshots stay as they are.
    pub fn eject(&self, candidate: &Candidate) {
        candidate.eject();
        if let Some(followed) = self.0.shared.services.load().get(&candidate.service) {
            followed.ask.notify_one();
        }
    }

    /// Counts that `candidate` failed the call that is `in_flight`, and passes it over if that was one too many.
    pub(crate) fn blame(
        &self,
        candidate: &Candidate,
        in_flight: &mut InFlight,
        snapshot: &Snapshot,
        ejection: &Ejection,
    ) {
        if !in_flight.is_one_too_many(ejection.failures) {
            return;
        }
        let judge = || {
            // The lock guards no data.
            let judging = self.0.shared.judging.lock();
            let _judging = judging.unwrap_or_else(PoisonError::into_inner);
            let is_left =
                |other: &Candidate| other.node.id != candidate.node.id && !other.is_ejected();
            let all = &snapshot.candidates;
            let left = all.iter().filter(|other| is_left(other)).count();
            candidate.judge(ejection, left as u64, all.len() as u64)
        };
        if let Some(time) = judge() {
            let (service, node) = (&*candidate.service, &*candidate.node.id);
            tracing::warn!(
                service,
                node,
                ?time,
                "a node goes on failing: it is passed over"
            );
        }
    }
}

impl Shared {
    /// The service called `name`, followed from now on if it was not.
    fn follow(self: &Arc<Self>, name: &str) -> Result<Arc<Followed>> {
        if let Some(followed) = self.alive(name) {
            return Ok(followed);
        }
        if name.is_empty() {
            let detail = "the name of the service to call is empty: give the client a name";
            return Err(Error::bad_request(ID, detail).never_reached());
        }
        // The lock guards no data.
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(followed) = self.alive(name) {
            return Ok(followed);
        }
        let mut services = self.services.load().as_ref().clone();
        if services.len() >= MOST_SERVICES {
            let detail = format!(
                "`{name}` is not looked up: {MOST_SERVICES} services are followed already; try again later"
            );
            return Err(Error::unavailable(ID, detail).never_reached());
        }
        let followed = Tending::start(self, name.into());
        services.insert(Arc::clone(&followed.name), Arc::clone(&followed));
        self.services.store(Arc::new(services));
        Ok(followed)
    }

    /// The service called `name`, if a task follows it. The runtime of that task may have ended before it.
    fn alive(&self, name: &str) -> Option<Arc<Followed>> {
        let services = self.services.load();
        let followed = services.get(name)?;
        let alive = followed.standing.has_changed().is_ok();
        alive.then(|| Arc::clone(followed))
    }

    /// Forgets a service that nothing is known of.
    fn forget(&self, name: &str) {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut services = self.services.load().as_ref().clone();
        services.remove(name);
        self.services.store(Arc::new(services));
    }
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache")
            .field("registry", &self.0.shared.registry.describe())
            .field("services", &self.0.shared.services.load().keys())
            .finish()
    }
}
