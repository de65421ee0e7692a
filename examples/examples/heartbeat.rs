//! How long a registration holds, and how often it is renewed: by `register_ttl` and `register_interval`.
//!
//! The registry of this example writes down what it is told.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use micro::prelude::*;
use micro::registry::{MemoryRegistry, Registry, Service, Watcher};
use micro::tokio::sync::Notify;

/// The memory registry, counting announcements.
#[derive(Clone, Debug, Default)]
struct Counting {
    inner: MemoryRegistry,
    announced: Arc<AtomicU32>,
    thrice: Arc<Notify>,
}

#[micro::async_trait]
impl Registry for Counting {
    async fn register(&self, service: &Service, ttl: Option<Duration>) -> micro::Result<()> {
        let number = self.announced.fetch_add(1, Ordering::Relaxed) + 1;
        if number <= 3 {
            println!(
                "announced {} for {:?}: {number}",
                service.name,
                ttl.unwrap_or_default()
            );
        }
        if number == 3 {
            self.thrice.notify_one();
        }
        self.inner.register(service, ttl).await
    }

    async fn deregister(&self, service: &Service) -> micro::Result<()> {
        println!("taken back");
        self.inner.deregister(service).await
    }

    async fn get(&self, name: &str) -> micro::Result<Vec<Service>> {
        self.inner.get(name).await
    }

    async fn list(&self) -> micro::Result<Vec<Service>> {
        self.inner.list().await
    }

    async fn watch(&self, name: Option<&str>) -> micro::Result<Watcher> {
        self.inner.watch(name).await
    }

    fn describe(&self) -> String {
        self.inner.describe()
    }

    fn name(&self) -> &'static str {
        self.inner.name()
    }
}

#[micro::main]
async fn main(builder: micro::Builder) -> micro::Result<()> {
    let registry = Counting::default();
    let thrice = Arc::clone(&registry.thrice);
    // A node that is killed is forgotten 3 s after its last announcement.
    let builder = builder.name("heart").registry(registry);
    let builder = builder.register_ttl(Duration::from_secs(3));
    let service = builder
        .register_interval(Duration::from_millis(100))
        .build()
        .await?;

    service
        .run_until(async move { thrice.notified().await })
        .await
}
