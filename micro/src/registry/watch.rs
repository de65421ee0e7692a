//! Changes of a registry, as they happen.

use futures_util::stream::BoxStream;

use super::record::Service;
use crate::error::Result;

/// What happened to the nodes of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// The nodes are new.
    Create,
    /// The nodes were known; their record changed.
    Update,
    /// The nodes are gone.
    Delete,
}

/// One change: the service's record holds the changed nodes and no others.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// What happened.
    pub action: Action,
    /// The service, with the nodes that it happened to.
    pub service: Service,
}

/// Changes in order. It ends, or yields an error, if some may have been missed: get, and watch again.
pub type Watcher = BoxStream<'static, Result<Event>>;
