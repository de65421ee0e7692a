//! Which node of a service gets the next attempt.
//!
//! [`Selector`] is the seam; it reads a [`Snapshot`] and asks no registry. Called by the client end's
//! attempt loop, which also tells it how the attempt went.

mod filter;
mod strategy;

use std::fmt;
use std::sync::Arc;

pub use filter::{Filter, endpoint, label, version, zone};
pub use strategy::{
    HashSelector, LeastConnSelector, P2cSelector, RandomSelector, RoundRobinSelector,
};

use crate::registry::{Candidate, Snapshot};

/// Chooses nodes.
///
/// # Behavior
///
/// The client end sees to these, whatever the selector, by what it allows:
///
/// - A node that refused a connection is passed over at once.
/// - An ejected node is used when none else is left.
/// - Nodes of the same host come first where the registry prefers them.
/// - Calls with the same key go to the same node.
///
/// # Example
///
/// The node that has answered fastest of late:
///
/// ```
/// use std::sync::Arc;
/// use micro::registry::{Candidate, Snapshot};
/// use micro::selector::Selector;
///
/// #[derive(Debug)]
/// struct Fastest;
///
/// impl Selector for Fastest {
///     fn select<'a>(
///         &self,
///         snapshot: &'a Snapshot,
///         allowed: &dyn Fn(&Candidate) -> bool,
///     ) -> Option<&'a Arc<Candidate>> {
///         let candidates = snapshot.candidates.iter().filter(|candidate| allowed(candidate));
///         candidates.min_by_key(|candidate| candidate.latency())
///     }
///
///     fn name(&self) -> &'static str {
///         "fastest"
///     }
/// }
///
/// // In a crate of its own this lets `--selector=fastest` find it; a builder is given the value.
/// micro::inventory::submit! {
///     micro::selector::Backend { names: &["fastest"], open: || Arc::new(Fastest) }
/// }
/// # fn main() {
/// let builder = micro::Service::builder("greeter").selector(Fastest);
/// # }
/// ```
pub trait Selector: fmt::Debug + Send + Sync {
    /// One of the candidates that `allowed` lets pass, or `None` if there is none.
    ///
    /// It is asked for every attempt, so that it should wait for nothing. How busy a candidate is, the candidate knows:
    /// [`in_flight`](Candidate::in_flight), [`latency`](Candidate::latency), [`load`](Candidate::load).
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
