//! Nodes within one process, without a network.
//!
//! Clones share one set of services. There is no task: who reads, writes or watches first takes away what expired.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::{StreamExt, stream};
use tokio::sync::broadcast;
use tokio::time::{Instant, timeout_at};

use super::{Action, Backend, Event, Node, Registry, Service, Watcher};
use crate::error::{Error, Result};

/// How many changes a watcher may leave unread before it ends.
const UNREAD: usize = 1024;

/// A registry within the process; for tests, and for several services in one program.
///
/// A service whose nodes all expired stays known, without nodes; one that was deregistered is forgotten.
///
/// ```
/// use micro::registry::{MemoryRegistry, Node, Registry, Service};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> micro::Result<()> {
/// let registry = MemoryRegistry::new();
/// let node = Node { id: "greeter-1".into(), address: "127.0.0.1:8080".into(), ..Node::default() };
/// let service = Service { name: "greeter".into(), nodes: vec![node], ..Service::default() };
///
/// registry.clone().register(&service, None).await?;
///
/// assert_eq!(registry.get("greeter").await?, [service]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct MemoryRegistry(Arc<Shared>);

struct Shared {
    services: Mutex<BTreeMap<String, Known>>,
    changes: broadcast::Sender<Change>,
}

/// What is known under one name.
#[derive(Default)]
struct Known {
    /// The newest record of each version, without its nodes.
    versions: BTreeMap<String, Arc<Service>>,
    /// By node id.
    nodes: BTreeMap<String, Announced>,
}

/// A node as it was announced last.
struct Announced {
    service: Arc<Service>,
    node: Node,
    expires: Option<Instant>,
}

#[derive(Clone)]
enum Change {
    Event(Arc<Event>),
    /// Watchers that sleep until the next expiry are to look again when that is.
    Expiry,
}

impl MemoryRegistry {
    /// A registry that knows nothing yet.
    pub fn new() -> Self {
        Self(Arc::new(Shared {
            services: Mutex::default(),
            changes: broadcast::Sender::new(UNREAD),
        }))
    }
}

impl Default for MemoryRegistry {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Registry for MemoryRegistry {
    async fn register(&self, service: &Service, ttl: Option<Duration>) -> Result<()> {
        let expires = ttl.and_then(|ttl| Instant::now().checked_add(ttl));
        let head = Arc::new(Service {
            nodes: Vec::new(),
            ..service.clone()
        });
        let mut services = self.0.services();
        let known = services.entry(service.name.clone()).or_default();
        known
            .versions
            .insert(service.version.clone(), Arc::clone(&head));
        for node in &service.nodes {
            let announced = Announced {
                service: Arc::clone(&head),
                node: node.clone(),
                expires,
            };
            self.0.announce(known, announced);
        }
        known.forget_versions_without_nodes(Some(&service.version));
        Ok(())
    }

    async fn deregister(&self, service: &Service) -> Result<()> {
        let mut services = self.0.services();
        let Some(known) = services.get_mut(&service.name) else {
            return Ok(());
        };
        for node in &service.nodes {
            if let Some(announced) = known.nodes.remove(&node.id) {
                self.0.tell(Action::Delete, &announced);
            }
        }
        if known.nodes.is_empty() {
            services.remove(&service.name);
        } else {
            known.forget_versions_without_nodes(None);
        }
        Ok(())
    }

    async fn get(&self, name: &str) -> Result<Vec<Service>> {
        let services = self.0.services();
        let known = services.get(name).ok_or_else(|| {
            Error::not_found(
                "micro.registry.memory",
                format!("nothing announced a service called `{name}`"),
            )
        })?;
        Ok(known.records().collect())
    }

    async fn list(&self) -> Result<Vec<Service>> {
        Ok(self
            .0
            .services()
            .values()
            .flat_map(Known::records)
            .collect())
    }

    async fn watch(&self, name: Option<&str>) -> Result<Watcher> {
        let watching = Watching {
            changes: self.0.changes.subscribe(),
            shared: Arc::clone(&self.0),
            name: name.map(str::to_owned),
        };
        Ok(stream::unfold(watching, Watching::next).boxed())
    }

    fn name(&self) -> &'static str {
        "memory"
    }

    fn describe(&self) -> String {
        "memory".to_owned()
    }
}

impl Shared {
    /// The services, after what has expired is gone.
    fn services(&self) -> MutexGuard<'_, BTreeMap<String, Known>> {
        // The map is whole after any panic: no foreign code runs under the lock.
        let mut services = self.services.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        for known in services.values_mut() {
            known.nodes.retain(|_, announced| {
                let lives = announced.expires.is_none_or(|at| at > now);
                if !lives {
                    self.tell(Action::Delete, announced);
                }
                lives
            });
        }
        services
    }

    fn next_expiry(&self) -> Option<Instant> {
        let services = self.services();
        let nodes = services.values().flat_map(|known| known.nodes.values());
        nodes.filter_map(|announced| announced.expires).min()
    }

    fn announce(&self, known: &mut Known, announced: Announced) {
        match known.nodes.get(&announced.node.id) {
            None => self.tell(Action::Create, &announced),
            Some(before) if !before.says_the_same_as(&announced) => {
                self.tell(Action::Update, &announced);
            }
            Some(before) if announced.expires_before(before) => {
                // It fails if nobody watches.
                drop(self.changes.send(Change::Expiry));
            }
            Some(_) => {}
        }
        known.nodes.insert(announced.node.id.clone(), announced);
    }

    /// Called under the lock, so that watchers see changes in the order in which they were made.
    fn tell(&self, action: Action, announced: &Announced) {
        let mut service = announced.service.as_ref().clone();
        service.nodes.push(announced.node.clone());
        // It fails if nobody watches.
        drop(
            self.changes
                .send(Change::Event(Arc::new(Event { action, service }))),
        );
    }
}

impl Known {
    /// Forgets what no node runs any more, but for the version `kept`.
    fn forget_versions_without_nodes(&mut self, kept: Option<&str>) {
        let nodes = &self.nodes;
        self.versions.retain(|version, _| {
            let mut running = nodes.values().map(|announced| &announced.service.version);
            kept == Some(version) || running.any(|running| running == version)
        });
    }

    fn records(&self) -> impl Iterator<Item = Service> {
        self.versions.iter().map(|(version, service)| Service {
            nodes: self
                .nodes
                .values()
                .filter(|announced| announced.service.version == *version)
                .map(|announced| announced.node.clone())
                .collect(),
            ..service.as_ref().clone()
        })
    }
}

impl Announced {
    fn says_the_same_as(&self, other: &Self) -> bool {
        self.node == other.node && self.service == other.service
    }

    fn expires_before(&self, other: &Self) -> bool {
        match (self.expires, other.expires) {
            (Some(this), Some(other)) => this < other,
            (this, None) => this.is_some(),
            (None, Some(_)) => false,
        }
    }
}

struct Watching {
    shared: Arc<Shared>,
    changes: broadcast::Receiver<Change>,
    name: Option<String>,
}

impl Watching {
    async fn next(mut self) -> Option<(Result<Event>, Self)> {
        loop {
            let change = match self.shared.next_expiry() {
                None => self.changes.recv().await,
                Some(at) => match timeout_at(at, self.changes.recv()).await {
                    Ok(change) => change,
                    Err(_) => continue,
                },
            };
            match change {
                Ok(Change::Event(event)) if self.wants(&event) => {
                    return Some((Ok(event.as_ref().clone()), self));
                }
                Ok(_) => {}
                // Some changes were missed; the end of the stream says so.
                Err(_) => return None,
            }
        }
    }

    fn wants(&self, event: &Event) -> bool {
        self.name
            .as_ref()
            .is_none_or(|name| *name == event.service.name)
    }
}

impl fmt::Debug for MemoryRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryRegistry").finish_non_exhaustive()
    }
}

inventory::submit! {
    Backend { names: &["memory"], open: |_| Ok(Arc::new(MemoryRegistry::new())) }
}
