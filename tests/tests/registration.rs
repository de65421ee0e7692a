//! What is announced of a service, and taken back.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use micro::prelude::*;
use micro::registry::{MemoryRegistry, Registry, Watcher};
use micro::{Error, registry};
use tests::System;

/// A registry that takes everything but `refused`, and counts what it is told.
#[derive(Debug)]
struct Picky(MemoryRegistry, Arc<AtomicU32>);

#[async_trait::async_trait]
impl Registry for Picky {
    async fn register(
        &self,
        service: &registry::Service,
        ttl: Option<Duration>,
    ) -> micro::Result<()> {
        self.1.fetch_add(1, Ordering::Relaxed);
        if service.name == "refused" {
            return Err(Error::unavailable("test", "full"));
        }
        self.0.register(service, ttl).await
    }

    async fn deregister(&self, service: &registry::Service) -> micro::Result<()> {
        self.0.deregister(service).await
    }

    async fn get(&self, name: &str) -> micro::Result<Vec<registry::Service>> {
        self.0.get(name).await
    }

    async fn list(&self) -> micro::Result<Vec<registry::Service>> {
        self.0.list().await
    }

    async fn watch(&self, name: Option<&str>) -> micro::Result<Watcher> {
        self.0.watch(name).await
    }

    fn describe(&self) -> String {
        "picky".into()
    }

    fn name(&self) -> &'static str {
        "picky"
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_that_cannot_be_started_leaves_nothing_registered() {
    let system = System::default();
    let picky = Picky(system.registry.clone(), Arc::default());
    let service = system
        .builder("both")
        .registry(picky)
        .build()
        .await
        .unwrap();
    let service = service
        .handle(Definition::new("taken"))
        .handle(Definition::new("refused"));

    let error = service.start().await.unwrap_err();

    assert!(error.detail().contains("refused"), "{error}");
    assert!(system.registry.list().await.unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_registration_without_times_is_made_once_and_holds() {
    let (system, told) = (System::default(), Arc::default());
    let picky = Picky(system.registry.clone(), Arc::clone(&told));
    let service = system
        .builder("still")
        .registry(picky)
        .register_ttl(Duration::ZERO)
        .register_interval(Duration::ZERO);
    let _running = service.build().await.unwrap().start().await.unwrap();

    for _minute in 0..60 {
        tokio::time::advance(Duration::from_secs(60)).await;
    }

    let known = system.registry.get("still").await.unwrap();
    assert_eq!(known[0].nodes.len(), 1);
    assert_eq!(told.load(Ordering::Relaxed), 1);
}
