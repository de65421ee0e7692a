//! Which nodes may be chosen at all, said by the caller.

use std::fmt;
use std::sync::Arc;

use crate::registry::Candidate;

/// A condition on nodes; any `Fn(&Candidate) -> bool` is one.
///
/// ```
/// use micro::registry::Candidate;
/// use micro::selector::Filter;
///
/// // Nodes that are not busy.
/// let idle = Filter::from(|node: &Candidate| node.in_flight() < 10);
/// ```
#[derive(Clone)]
pub struct Filter(Arc<dyn Fn(&Candidate) -> bool + Send + Sync>);

impl Filter {
    /// True if the node may be chosen.
    pub fn allows(&self, candidate: &Candidate) -> bool {
        (self.0)(candidate)
    }
}

impl<F: Fn(&Candidate) -> bool + Send + Sync + 'static> From<F> for Filter {
    fn from(condition: F) -> Self {
        Self(Arc::new(condition))
    }
}

impl fmt::Debug for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Filter")
    }
}

/// Nodes that run this version of the service.
pub fn version(version: impl Into<String>) -> Filter {
    let version = version.into();
    Filter::from(move |candidate: &Candidate| candidate.version == version)
}

/// Nodes whose own metadata has this pair.
pub fn label(name: impl Into<String>, value: impl Into<String>) -> Filter {
    let (name, value) = (name.into(), value.into());
    Filter::from(move |candidate: &Candidate| candidate.node.metadata.get(&name) == Some(&value))
}

/// Nodes in this zone: those whose own metadata has the pair `zone` and this name.
///
/// A node says where it is by `--server_metadata=zone=eu-1`.
pub fn zone(name: impl Into<String>) -> Filter {
    label("zone", name)
}

/// Nodes that announced this endpoint.
pub fn endpoint(name: impl Into<String>) -> Filter {
    let name = name.into();
    Filter::from(move |candidate: &Candidate| candidate.endpoint(&name).is_some())
}
