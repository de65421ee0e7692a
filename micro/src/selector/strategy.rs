//! The ways to choose.

use std::sync::Arc;

use tokio::time::Instant;

use super::{Backend, Selector};
use crate::id;
use crate::registry::{Candidate, Snapshot};

/// Two random nodes, of which the one with less [load](Candidate::load) is taken: the default.
///
/// It costs the same whatever the number of nodes, and herds no callers onto the one best node. A slow node gets few
/// calls, and is tried now and then.
#[derive(Clone, Copy, Debug, Default)]
pub struct P2cSelector;

impl Selector for P2cSelector {
    fn select<'a>(
        &self,
        snapshot: &'a Snapshot,
        allowed: &dyn Fn(&Candidate) -> bool,
    ) -> Option<&'a Arc<Candidate>> {
        let one = any(snapshot, allowed)?;
        let is_other =
            |candidate: &Candidate| !std::ptr::eq(candidate, &**one) && allowed(candidate);
        let Some(other) = any(snapshot, &is_other) else {
            return Some(one);
        };
        let now = Instant::now();
        let is_less = other.load_at(now) < one.load_at(now);
        Some(if is_less { other } else { one })
    }

    fn name(&self) -> &'static str {
        "p2c"
    }
}

/// Any node, each as likely as the others.
#[derive(Clone, Copy, Debug, Default)]
pub struct RandomSelector;

impl Selector for RandomSelector {
    fn select<'a>(
        &self,
        snapshot: &'a Snapshot,
        allowed: &dyn Fn(&Candidate) -> bool,
    ) -> Option<&'a Arc<Candidate>> {
        any(snapshot, allowed)
    }

    fn name(&self) -> &'static str {
        "random"
    }
}

/// One node of a service after the other, for all callers of one client together.
#[derive(Clone, Copy, Debug, Default)]
pub struct RoundRobinSelector;

impl Selector for RoundRobinSelector {
    fn select<'a>(
        &self,
        snapshot: &'a Snapshot,
        allowed: &dyn Fn(&Candidate) -> bool,
    ) -> Option<&'a Arc<Candidate>> {
        nth(snapshot, allowed, |count| snapshot.turn() % count)
    }

    fn name(&self) -> &'static str {
        "roundrobin"
    }
}

/// The node with the fewest attempts [in flight](Candidate::in_flight), any of them if several have as few.
#[derive(Clone, Copy, Debug, Default)]
pub struct LeastConnSelector;

impl Selector for LeastConnSelector {
    fn select<'a>(
        &self,
        snapshot: &'a Snapshot,
        allowed: &dyn Fn(&Candidate) -> bool,
    ) -> Option<&'a Arc<Candidate>> {
        let begin = fastrand::usize(..snapshot.candidates.len().max(1));
        let (before, after) = snapshot.candidates.split_at(begin);
        let candidates = after.iter().chain(before);
        candidates
            .filter(|candidate| allowed(candidate))
            .min_by_key(|candidate| candidate.in_flight())
    }

    fn name(&self) -> &'static str {
        "leastconn"
    }
}

/// The node that a key belongs to.
///
/// Calls that have a [key](crate::Call::shard_key) go by it, as they do under every selector. All others of one client
/// stay on one node, which is another for each client.
#[derive(Clone, Debug)]
pub struct HashSelector {
    key: String,
}

impl Selector for HashSelector {
    fn select<'a>(
        &self,
        snapshot: &'a Snapshot,
        allowed: &dyn Fn(&Candidate) -> bool,
    ) -> Option<&'a Arc<Candidate>> {
        snapshot.owner(&self.key, allowed)
    }

    fn name(&self) -> &'static str {
        "hash"
    }
}

impl Default for HashSelector {
    fn default() -> Self {
        Self { key: id::random() }
    }
}

/// How often a random node is asked for before all are looked at.
const TRIES: usize = 8;

/// A random one of those that are allowed: found at once if most of them are.
fn any<'a>(
    snapshot: &'a Snapshot,
    allowed: &dyn Fn(&Candidate) -> bool,
) -> Option<&'a Arc<Candidate>> {
    let mut tried = (0..TRIES).filter_map(|_| fastrand::choice(&snapshot.candidates));
    tried
        .find(|candidate| allowed(candidate))
        .or_else(|| nth(snapshot, allowed, |count| fastrand::usize(..count)))
}

/// The allowed candidate whose place `choose` picks, given how many there are. Allocates nothing.
fn nth<'a>(
    snapshot: &'a Snapshot,
    allowed: &dyn Fn(&Candidate) -> bool,
    choose: impl FnOnce(usize) -> usize,
) -> Option<&'a Arc<Candidate>> {
    let mut fit = snapshot
        .candidates
        .iter()
        .filter(|candidate| allowed(candidate));
    match fit.clone().count() {
        0 => None,
        count => fit.nth(choose(count)),
    }
}

inventory::submit! {
    Backend { names: &["p2c"], open: || Arc::new(P2cSelector) }
}

inventory::submit! {
    Backend { names: &["random"], open: || Arc::new(RandomSelector) }
}

inventory::submit! {
    Backend { names: &["roundrobin", "round_robin"], open: || Arc::new(RoundRobinSelector) }
}

inventory::submit! {
    Backend { names: &["leastconn", "least_conn"], open: || Arc::new(LeastConnSelector) }
}

inventory::submit! {
    Backend { names: &["hash"], open: || Arc::new(HashSelector::default()) }
}
