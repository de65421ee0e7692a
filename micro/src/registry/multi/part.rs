//! One of several registries: whether it answers, and what it said last.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::error::{Error, Result};
use crate::registry::{Action, Event, Registry, Service};

/// For how long one that does not answer is not waited for where others do.
const AWAY: Duration = Duration::from_secs(10);

/// Of how many services is remembered what was said.
const MOST: usize = 4096;

/// Records of one node each, by its id.
pub(super) type Nodes = BTreeMap<String, Service>;

pub(super) struct Part {
    pub(super) registry: Arc<dyn Registry>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Until when it is not waited for, if it does not answer.
    away: Option<Instant>,
    /// By the name of the service.
    known: HashMap<String, Nodes>,
}

impl Part {
    pub(super) fn new(registry: Arc<dyn Registry>) -> Self {
        Self {
            registry,
            state: Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No foreign code runs under it, and each change leaves it whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_away(&self) -> bool {
        self.state().away.is_some()
    }

    /// True if it is to be waited for while others have answered.
    pub(super) fn is_awaited(&self) -> bool {
        self.state()
            .away
            .is_none_or(|until| until <= Instant::now())
    }

    /// Takes down whether it has answered.
    pub(super) fn note<T>(&self, answer: &Result<T>) {
        let trouble = answer.as_ref().err().filter(|error| error.code() == 503);
        let away = trouble.map(|_| Instant::now() + AWAY);
        let before = std::mem::replace(&mut self.state().away, away);
        match (before, trouble) {
            (None, Some(error)) => tracing::warn!(registry = %self.registry.describe(), %error,
                "one of several registries does not answer; what it said last holds"),
            (Some(_), None) => {
                tracing::info!(registry = %self.registry.describe(), "a registry answers again");
            }
            _ => {}
        }
    }

    /// Takes down all that it says of `name`.
    pub(super) fn says(&self, name: &str, services: &[Service]) {
        let nodes: Nodes = services.iter().flat_map(single).collect();
        let mut state = self.state();
        if nodes.is_empty() {
            state.known.remove(name);
        } else if state.known.len() < MOST || state.known.contains_key(name) {
            state.known.insert(name.to_owned(), nodes);
        }
    }

    /// Takes down a change.
    pub(super) fn changes(&self, event: &Event) {
        let name = &event.service.name;
        let mut state = self.state();
        let mut nodes = state.known.remove(name).unwrap_or_default();
        match event.action {
            Action::Delete => {
                for node in &event.service.nodes {
                    nodes.remove(&node.id);
                }
            }
            Action::Create | Action::Update => nodes.extend(single(&event.service)),
        }
        if !nodes.is_empty() && state.known.len() < MOST {
            state.known.insert(name.clone(), nodes);
        }
    }

    /// What it said last of `name`.
    pub(super) fn known(&self, name: &str) -> Nodes {
        self.state().known.get(name).cloned().unwrap_or_default()
    }

    /// What it said last of one node.
    pub(super) fn node(&self, name: &str, id: &str) -> Option<Service> {
        self.state().known.get(name)?.get(id).cloned()
    }

    /// That it has not answered in time.
    pub(super) fn late(&self, id: &'static str) -> Error {
        let detail = format!("{} did not answer in time", self.registry.describe());
        Error::unavailable(id, detail)
    }
}

/// The nodes of `service`, each with a record of its own.
fn single(service: &Service) -> impl Iterator<Item = (String, Service)> {
    service.nodes.iter().map(|node| {
        let record = Service {
            name: service.name.clone(),
            version: service.version.clone(),
            metadata: service.metadata.clone(),
            endpoints: service.endpoints.clone(),
            nodes: vec![node.clone()],
        };
        (node.id.clone(), record)
    })
}
