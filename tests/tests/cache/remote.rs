//! A memory registry that can be cut off, and that counts what it is asked; and what is registered in it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt;
use micro::registry::{Endpoint, MemoryRegistry, Node, Registry, Service, Watcher};
use micro::{Error, Result};
use tokio::sync::watch;

/// Clones share everything.
#[derive(Clone, Debug, Default)]
pub(crate) struct Remote {
    memory: MemoryRegistry,
    is_down: Arc<AtomicBool>,
    went_down: watch::Sender<()>,
    pub(crate) gets: Arc<AtomicUsize>,
    pub(crate) watches: Arc<AtomicUsize>,
    pub(crate) watchers: Arc<watch::Sender<usize>>,
}

impl Remote {
    pub(crate) fn go_down(&self) {
        self.is_down.store(true, Ordering::SeqCst);
        self.went_down.send_replace(());
    }

    pub(crate) fn come_back(&self) {
        self.is_down.store(false, Ordering::SeqCst);
    }

    fn answer(&self) -> Result<()> {
        if self.is_down.load(Ordering::SeqCst) {
            return Err(Error::unavailable("remote", "connection refused"));
        }
        Ok(())
    }
}

struct Watching(Arc<watch::Sender<usize>>);

impl Drop for Watching {
    fn drop(&mut self) {
        self.0.send_modify(|watchers| *watchers -= 1);
    }
}

#[async_trait]
impl Registry for Remote {
    async fn register(&self, service: &Service, ttl: Option<Duration>) -> Result<()> {
        self.memory.register(service, ttl).await
    }

    async fn deregister(&self, service: &Service) -> Result<()> {
        self.memory.deregister(service).await
    }

    async fn get(&self, name: &str) -> Result<Vec<Service>> {
        self.gets.fetch_add(1, Ordering::SeqCst);
        self.answer()?;
        self.memory.get(name).await
    }

    async fn list(&self) -> Result<Vec<Service>> {
        self.answer()?;
        self.memory.list().await
    }

    async fn watch(&self, name: Option<&str>) -> Result<Watcher> {
        self.watches.fetch_add(1, Ordering::SeqCst);
        self.answer()?;
        self.watchers.send_modify(|watchers| *watchers += 1);
        let watching = Watching(Arc::clone(&self.watchers));
        let mut cut = self.went_down.subscribe();
        let events = self.memory.watch(name).await?;
        let cut = async move {
            cut.changed().await.ok();
            drop(watching);
        };
        let lost = futures_util::stream::once(async {
            Err(Error::unavailable("remote", "connection reset"))
        });
        Ok(events.take_until(cut).chain(lost).boxed())
    }

    fn name(&self) -> &'static str {
        "remote"
    }

    fn describe(&self) -> String {
        "remote at 127.0.0.1:8500".to_owned()
    }
}

fn node(id: &str) -> Node {
    Node {
        id: id.to_owned(),
        address: format!("127.0.0.1:{}", 8000 + id.len()),
        ..Node::default()
    }
}

/// The service `greeter` with nodes of these ids.
pub(crate) fn greeter(nodes: &[&str]) -> Service {
    Service {
        name: "greeter".to_owned(),
        version: "1.0.0".to_owned(),
        endpoints: vec![Endpoint {
            name: "Greeter.Hello".to_owned(),
            ..Endpoint::default()
        }],
        nodes: nodes.iter().map(|id| node(id)).collect(),
        ..Service::default()
    }
}
