//! The ways to choose that need no knowledge of load.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{Backend, Selector};
use crate::registry::{Candidate, Snapshot};

/// Any node, each as likely as the others.
#[derive(Clone, Copy, Debug, Default)]
pub struct RandomSelector;

impl Selector for RandomSelector {
    fn select<'a>(
        &self,
        snapshot: &'a Snapshot,
        allowed: &dyn Fn(&Candidate) -> bool,
    ) -> Option<&'a Arc<Candidate>> {
        nth(snapshot, allowed, |count| fastrand::usize(..count))
    }

    fn name(&self) -> &'static str {
        "random"
    }
}

/// One node after the other.
///
/// The turn is shared by all services and callers of one selector.
#[derive(Default)]
pub struct RoundRobinSelector(AtomicUsize);

impl Selector for RoundRobinSelector {
    fn select<'a>(
        &self,
        snapshot: &'a Snapshot,
        allowed: &dyn Fn(&Candidate) -> bool,
    ) -> Option<&'a Arc<Candidate>> {
        nth(snapshot, allowed, |count| {
            self.0.fetch_add(1, Ordering::Relaxed) % count
        })
    }

    fn name(&self) -> &'static str {
        "roundrobin"
    }
}

impl fmt::Debug for RoundRobinSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RoundRobinSelector")
    }
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
    Backend { names: &["random"], open: || Arc::new(RandomSelector) }
}

inventory::submit! {
    Backend { names: &["roundrobin", "round_robin"], open: || Arc::new(RoundRobinSelector::default()) }
}
