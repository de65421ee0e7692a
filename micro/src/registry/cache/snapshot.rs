//! What the client end selects from: the nodes of one service at one moment.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

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
}

impl Snapshot {
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
    /// What may be called on it, ordered by name.
    pub endpoints: Arc<[Endpoint]>,
    /// When it was first seen.
    seen: Instant,
    /// Until when it is passed over: milliseconds after `seen`; 0 if it is not.
    ejected: AtomicU64,
}

impl Candidate {
    /// The endpoint called `name`, if the record has it.
    pub fn endpoint(&self, name: &str) -> Option<&Endpoint> {
        let found = self
            .endpoints
            .binary_search_by(|endpoint| endpoint.name.as_str().cmp(name));
        self.endpoints.get(found.ok()?)
    }

    /// True if the record lacks endpoints or their types, so that one that is not in it may exist all the same.
    pub fn is_partial(&self) -> bool {
        self.node.metadata.contains_key(PARTIAL)
    }

    /// True if it refused a connection and was not announced anew since; it ends after 30 s.
    pub fn is_ejected(&self) -> bool {
        let until = self.ejected.load(Ordering::Relaxed);
        until != 0 && self.age(Duration::ZERO) < until
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
    pub(super) fn candidates(&self, name: &Arc<str>, service: Service) -> Vec<Arc<Candidate>> {
        let mut endpoints = service.endpoints;
        endpoints.sort_by(|one, other| one.name.cmp(&other.name));
        let endpoints = match self.0.values().find(|one| *one.endpoints == *endpoints) {
            Some(one) => Arc::clone(&one.endpoints),
            None => endpoints.into(),
        };
        let candidate = |node: Node| {
            let new = Candidate {
                service: Arc::clone(name),
                version: service.version.clone(),
                metadata: service.metadata.clone(),
                node,
                endpoints: Arc::clone(&endpoints),
                seen: Instant::now(),
                ejected: AtomicU64::new(0),
            };
            match self.0.get(&new.node.id) {
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
        shown.filter(same).or_else(|| {
            Some(Arc::new(Snapshot {
                name: Arc::clone(name),
                candidates: self.0.values().cloned().collect(),
            }))
        })
    }
}
