//! What the client end selects from: the nodes of one service at one moment.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::OnceCell;
use tokio::time::Instant;

use super::load::{InFlight, Load};
use super::outlier::Ejection;
use super::ring::Ring;
use crate::address;
use crate::error::Result;
use crate::registry::{Endpoint, Node, PARTIAL, Service};

/// How long a node that refused a connection is passed over, if its record does not change in the meantime.
///
/// One heartbeat: a node that is dead is then close to its end, and one that was only busy is not lost for good.
const PASSED_OVER: Duration = Duration::from_secs(30);

/// The live nodes of one service at one moment; there is at least one.
#[derive(Debug)]
pub struct Snapshot {
    /// The name of the service.
    pub name: Arc<str>,
    /// The nodes, ordered by id. A node whose record did not change is the same `Arc` in the next snapshot.
    pub candidates: Box<[Arc<Candidate>]>,
    /// Those of this host, if there are others too.
    near: Option<Box<Snapshot>>,
    /// Handed on from snapshot to snapshot.
    turn: Arc<AtomicUsize>,
    /// Made by the first call that has a key.
    ring: OnceLock<Ring>,
}

impl Snapshot {
    fn new(name: &Arc<str>, candidates: Box<[Arc<Candidate>]>, turn: Arc<AtomicUsize>) -> Self {
        let near = candidates.iter().filter(|one| one.is_local()).count();
        let near = (0 < near && near < candidates.len()).then(|| {
            let near = candidates.iter().filter(|one| one.is_local());
            Box::new(Self::new(name, near.cloned().collect(), Arc::clone(&turn)))
        });
        Self {
            name: Arc::clone(name),
            candidates,
            near,
            turn,
            ring: OnceLock::new(),
        }
    }

    /// The [local](Candidate::is_local) candidates; `None` if none is, or all are.
    pub fn near(&self) -> Option<&Self> {
        self.near.as_deref()
    }

    /// A number that is one greater each time, for selectors that take turns; each service has its own.
    pub fn turn(&self) -> usize {
        self.turn.fetch_add(1, Ordering::Relaxed)
    }

    /// The candidate that `key` belongs to, or the next on the ring of those that `allowed` lets pass.
    ///
    /// The same key and the same nodes give the same candidate in every process. A node that comes or goes moves only
    /// its own share of the keys.
    pub fn owner(
        &self,
        key: &str,
        allowed: &dyn Fn(&Candidate) -> bool,
    ) -> Option<&Arc<Candidate>> {
        let ring = self.ring.get_or_init(|| Ring::new(&self.candidates));
        let mut candidates = ring
            .walk(key)
            .filter_map(|place| self.candidates.get(place));
        candidates.find(|candidate| allowed(candidate))
    }

    /// The candidates that are not [ejected](Candidate::is_ejected), or all of them if none is left.
    pub fn offered(&self) -> impl Iterator<Item = &Arc<Candidate>> {
        let none_left = self.candidates.iter().all(|one| one.is_ejected());
        self.candidates
            .iter()
            .filter(move |one| none_left || !one.is_ejected())
    }

    /// The endpoint called `name`, as the first node that has it describes it.
    pub fn endpoint(&self, name: &str) -> Option<&Endpoint> {
        self.candidates.iter().find_map(|one| one.endpoint(name))
    }
}

/// One node with what its service said about it.
#[derive(Debug)]
pub struct Candidate {
    /// The name of the service.
    pub service: Arc<str>,
    /// The version of the service that the node runs.
    pub version: String,
    /// Facts about the service.
    pub metadata: BTreeMap<String, String>,
    /// The node itself.
    pub node: Node,
    /// What may be called on it, as far as its record says, ordered by name.
    pub endpoints: Arc<[Endpoint]>,
    /// What its record had no room for, once the node has been asked, ordered by name.
    rest: OnceCell<Box<[Endpoint]>>,
    /// When it was first seen.
    seen: Instant,
    /// Until when it is passed over: milliseconds after `seen`; 0 if it is not.
    ejected: AtomicU64,
    is_local: bool,
    load: Arc<Load>,
}

impl Candidate {
    /// The endpoint called `name`, if the record has it, or the node has told of it.
    pub fn endpoint(&self, name: &str) -> Option<&Endpoint> {
        let in_record = find(&self.endpoints, name);
        in_record.or_else(|| find(self.rest.get()?, name))
    }

    /// Asks the node by `ask` for what its record had no room for, if `name` may be among that.
    ///
    /// Callers that come together ask once; what fails is asked again by the next.
    pub(crate) async fn complete<F>(&self, name: &str, ask: impl FnOnce() -> F) -> Result<()>
    where
        F: Future<Output = Result<Vec<Endpoint>>>,
    {
        if !self.is_partial() || self.endpoint(name).is_some() {
            return Ok(());
        }
        let asked = self.rest.get_or_try_init(|| async {
            let mut endpoints = ask().await?;
            endpoints.sort_by(|one, other| one.name.cmp(&other.name));
            Ok(endpoints.into())
        });
        asked.await.map(drop)
    }

    /// True if the record lacks endpoints or their types, so that one that is not in it may exist all the same.
    pub fn is_partial(&self) -> bool {
        self.node.metadata.contains_key(PARTIAL)
    }

    /// True if it is passed over: it refused a connection and was not announced anew since, for 30 s, or it went on
    /// [failing](super::Ejection).
    pub fn is_ejected(&self) -> bool {
        let until = self.ejected.load(Ordering::Relaxed);
        (until != 0 && self.age(Duration::ZERO) < until) || self.load.is_out()
    }

    /// True if it runs on this host and its registry [prefers](crate::registry::Registry::prefers_local) such nodes.
    pub fn is_local(&self) -> bool {
        self.is_local
    }

    /// How many attempts of this process are under way on it; a stream counts until its end.
    pub fn in_flight(&self) -> u32 {
        self.load.in_flight()
    }

    /// How long it takes to answer: the last peak, pulled down by faster answers since, and by time.
    ///
    /// `None` before its first answer.
    pub fn latency(&self) -> Option<Duration> {
        self.load.latency(Instant::now())
    }

    /// How much is to be said against choosing it: the attempts under way and one more, times the latency.
    ///
    /// Before its first answer it is the least possible for the first attempt, and then more than that of any other
    /// node: a node that is new is tried, and not flooded.
    pub fn load(&self) -> f64 {
        self.load_at(Instant::now())
    }

    /// The same, for who has read the clock already.
    pub(crate) fn load_at(&self, now: Instant) -> f64 {
        self.load.weight(now)
    }

    /// Counts an attempt on it, until what is returned is dropped.
    pub fn begin(&self) -> InFlight {
        InFlight::begin(&self.load)
    }

    /// Passes it over, if enough of all nodes are left, and says for how long.
    pub(super) fn judge(&self, ejection: &Ejection, left: u64, all: u64) -> Option<Duration> {
        let (outlier, now) = (&self.load.outlier, self.load.age(Instant::now()));
        if outlier.is_judged(now) {
            return None;
        }
        if left * 100 < all * u64::from(ejection.floor) {
            outlier.take_back(now);
            return None;
        }
        Some(outlier.pass_over(ejection, now))
    }

    pub(super) fn eject(&self) {
        self.ejected.store(self.age(PASSED_OVER), Ordering::Relaxed);
    }

    pub(super) fn offer(&self) {
        self.ejected.store(0, Ordering::Relaxed);
    }

    fn age(&self, later: Duration) -> u64 {
        let age = self.seen.elapsed().saturating_add(later);
        u64::try_from(age.as_millis()).unwrap_or(u64::MAX)
    }

    fn says_the_same_as(&self, other: &Self) -> bool {
        self.node == other.node
            && self.version == other.version
            && self.metadata == other.metadata
            && self.endpoints == other.endpoints
    }
}

fn find<'a>(endpoints: &'a [Endpoint], name: &str) -> Option<&'a Endpoint> {
    let found = endpoints.binary_search_by(|endpoint| endpoint.name.as_str().cmp(name));
    endpoints.get(found.ok()?)
}

/// The nodes as the watcher knows them, by id.
#[derive(Debug, Default)]
pub(super) struct Nodes(BTreeMap<String, Arc<Candidate>>);

impl Nodes {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = &String> {
        self.0.keys()
    }

    pub(super) fn contains(&self, id: &str) -> bool {
        self.0.contains_key(id)
    }

    pub(super) fn get(&self, id: &str) -> Option<&Arc<Candidate>> {
        self.0.get(id)
    }

    pub(super) fn remove(&mut self, id: &str) {
        self.0.remove(id);
    }

    pub(super) fn insert(&mut self, candidate: Arc<Candidate>) {
        self.0.insert(candidate.node.id.clone(), candidate);
    }

    /// The nodes of `service`; those that are known here already, with the same record, keep their `Arc`.
    pub(super) fn candidates(
        &self,
        name: &Arc<str>,
        service: Service,
        prefers_local: bool,
    ) -> Vec<Arc<Candidate>> {
        let mut endpoints = service.endpoints;
        endpoints.sort_by(|one, other| one.name.cmp(&other.name));
        let endpoints = match self.0.values().find(|one| *one.endpoints == *endpoints) {
            Some(one) => Arc::clone(&one.endpoints),
            None => endpoints.into(),
        };
        let candidate = |node: Node| {
            let known = self.0.get(&node.id);
            let same_process = known.filter(|known| known.node.address == node.address);
            let new = Candidate {
                service: Arc::clone(name),
                version: service.version.clone(),
                metadata: service.metadata.clone(),
                is_local: prefers_local && address::is_local(&node.address),
                node,
                endpoints: Arc::clone(&endpoints),
                rest: OnceCell::new(),
                seen: Instant::now(),
                ejected: AtomicU64::new(0),
                load: same_process
                    .map_or_else(|| Arc::new(Load::new()), |known| Arc::clone(&known.load)),
            };
            match known {
                Some(known) if known.says_the_same_as(&new) => Arc::clone(known),
                _ => Arc::new(new),
            }
        };
        service.nodes.into_iter().map(candidate).collect()
    }

    /// The snapshot to show next: none if there is no node, `shown` itself if nothing changed.
    pub(super) fn snapshot(
        &self,
        name: &Arc<str>,
        shown: Option<Arc<Snapshot>>,
    ) -> Option<Arc<Snapshot>> {
        if self.0.is_empty() {
            return None;
        }
        let same = |shown: &Arc<Snapshot>| {
            shown.candidates.len() == self.0.len()
                && shown
                    .candidates
                    .iter()
                    .zip(self.0.values())
                    .all(|(one, other)| Arc::ptr_eq(one, other))
        };
        if shown.as_ref().is_some_and(same) {
            return shown;
        }
        let turn = shown.map_or_else(Arc::default, |shown| Arc::clone(&shown.turn));
        let candidates = self.0.values().cloned().collect();
        Some(Arc::new(Snapshot::new(name, candidates, turn)))
    }
}
