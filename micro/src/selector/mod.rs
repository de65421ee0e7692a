//! Which node of a service gets the next attempt.
//!
//! [`Selector`] is the seam; it reads a [`Snapshot`] and asks no registry. Called by the client end's
//! attempt loop, which also tells it how the attempt went.

mod filter;
mod strategy;

use std::fmt;
use std::sync::Arc;

pub use filter::{Filter, endpoint, label, version};
pub use strategy::{RandomSelector, RoundRobinSelector};

use crate::registry::{Candidate, Snapshot};

/// Chooses nodes.
pub trait Selector: fmt::Debug + Send + Sync {
    /// One of the candidates that `allowed` lets pass, or `None` if there is none.
    ///
    /// # Behavior
    ///
    /// - Only a candidate that is allowed is chosen.
    /// - If one is allowed, one is chosen.
    fn select<'a>(
        &self,
        snapshot: &'a Snapshot,
        allowed: &dyn Fn(&Candidate) -> bool,
    ) -> Option<&'a Arc<Candidate>>;

    /// The name that it is chosen by, such as `random`.
    fn name(&self) -> &'static str;

    /// Learns how an attempt on `candidate` ended.
    fn mark(&self, candidate: &Candidate, outcome: Outcome) {
        let _ = (candidate, outcome);
    }
}

/// How an attempt ended, as far as the node is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The node answered, with a reply or with an error of its own.
    Answered,
    /// The node could not be reached, or was cut off before it answered.
    Failed,
}

/// One selector in the table of those that are compiled in.
#[derive(Debug)]
pub struct Backend {
    /// The names it is chosen by, the usual one first.
    pub names: &'static [&'static str],
    /// Makes it.
    pub open: fn() -> Arc<dyn Selector>,
}

inventory::collect!(Backend);
