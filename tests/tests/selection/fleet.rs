//! Nodes to choose from, and a selector that remembers how it went.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use micro::prelude::*;
use micro::registry::{
    Cache, Candidate, MemoryRegistry, Node, Registry, Service, Snapshot, Watcher,
};
use micro::selector::{Backend, Outcome, Selector};
use micro::{Error, Result, Running};
use tests::System;

/// One of each kind that is compiled in.
pub(crate) fn selectors() -> impl Iterator<Item = Arc<dyn Selector>> {
    let backends = micro::inventory::iter::<Backend>.into_iter();
    backends.map(|backend| (backend.open)())
}

/// Announces nodes of `greeter`, whose addresses are their ids.
pub(crate) async fn announce(registry: &MemoryRegistry, ids: &[&str]) {
    let node = |id: &&str| Node {
        id: (*id).to_owned(),
        address: (*id).to_owned(),
        ..Node::default()
    };
    let service = Service {
        name: "greeter".to_owned(),
        nodes: ids.iter().map(node).collect(),
        ..Service::default()
    };
    registry.register(&service, None).await.unwrap();
}

/// What a client sees of such nodes.
pub(crate) async fn fleet(ids: &[&str]) -> Arc<Snapshot> {
    let registry = MemoryRegistry::new();
    announce(&registry, ids).await;
    let cache = Cache::new(Arc::new(registry));
    cache
        .snapshot("greeter", Duration::from_secs(1))
        .await
        .unwrap()
}

/// A node of `greeter` at `address` that answers with it, and that announces itself to nobody.
pub(crate) async fn serve(system: &System, address: &'static str) -> Running {
    let hello = unary(move |_: Context, _: Plain<String>| {
        std::future::ready(Ok::<_, Error>(Plain(address.to_owned())))
    });
    let builder = system.builder("greeter").address(address);
    let service = builder.registry(MemoryRegistry::new()).build().await;
    let service = service.unwrap().endpoint("Greeter.Hello", hello);
    service.start().await.unwrap()
}

/// A selector that remembers how attempts went.
#[derive(Debug)]
pub(crate) struct Spy(Arc<dyn Selector>, Seen);

#[derive(Clone, Debug, Default)]
pub(crate) struct Seen(
    Arc<Mutex<Vec<(String, Outcome)>>>,
    Arc<Mutex<Option<Arc<Candidate>>>>,
);

pub(crate) fn spy(selector: Arc<dyn Selector>) -> (Spy, Seen) {
    let seen = Seen::default();
    (Spy(selector, seen.clone()), seen)
}

impl Seen {
    /// The nodes of the attempts that failed, in order.
    pub(crate) fn failed(&self) -> Vec<String> {
        let attempts = self.0.lock().unwrap();
        let failed = attempts
            .iter()
            .filter(|(_, outcome)| *outcome == Outcome::Failed);
        failed.map(|(id, _)| id.clone()).collect()
    }

    /// How many attempts each of `nodes` had.
    pub(crate) fn attempts<const N: usize>(&self, nodes: [&str; N]) -> [usize; N] {
        let attempts = self.0.lock().unwrap();
        nodes.map(|node| attempts.iter().filter(|(id, _)| id == node).count())
    }

    /// The node that was chosen last.
    pub(crate) fn last(&self) -> Arc<Candidate> {
        self.1.lock().unwrap().clone().unwrap()
    }
}

impl Selector for Spy {
    fn select<'a>(
        &self,
        snapshot: &'a Snapshot,
        allowed: &dyn Fn(&Candidate) -> bool,
    ) -> Option<&'a Arc<Candidate>> {
        let chosen = self.0.select(snapshot, allowed);
        if let Some(chosen) = chosen {
            *self.1.1.lock().unwrap() = Some(Arc::clone(chosen));
        }
        chosen
    }

    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn mark(&self, candidate: &Candidate, outcome: Outcome) {
        let attempt = (candidate.node.id.clone(), outcome);
        self.1.0.lock().unwrap().push(attempt);
    }
}

impl fmt::Display for Spy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A registry whose callers prefer nodes of their own host.
#[derive(Debug)]
pub(crate) struct Near(pub(crate) MemoryRegistry);

#[async_trait]
impl Registry for Near {
    async fn register(&self, service: &Service, ttl: Option<Duration>) -> Result<()> {
        self.0.register(service, ttl).await
    }

    async fn deregister(&self, service: &Service) -> Result<()> {
        self.0.deregister(service).await
    }

    async fn get(&self, name: &str) -> Result<Vec<Service>> {
        self.0.get(name).await
    }

    async fn list(&self) -> Result<Vec<Service>> {
        self.0.list().await
    }

    async fn watch(&self, name: Option<&str>) -> Result<Watcher> {
        self.0.watch(name).await
    }

    fn describe(&self) -> String {
        self.0.describe()
    }

    fn prefers_local(&self) -> bool {
        true
    }

    fn name(&self) -> &'static str {
        "near"
    }
}
