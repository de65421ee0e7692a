//! What the tests of brokers stand on.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use micro::Metadata;
use micro::broker::{HttpBroker, Mode, Options, Terms};
use micro::message::{ContentType, Message};
use micro::registry::{MemoryRegistry, Node, Registry, Service};
use tokio::time::timeout;

/// What is waited for comes much sooner, or the test fails.
const SOON: Duration = Duration::from_secs(20);

/// Processes that share a registry.
pub struct Network(MemoryRegistry);

impl Network {
    pub fn new() -> Self {
        Self(MemoryRegistry::new())
    }

    /// The HTTP broker of one process.
    pub fn broker(&self, schemes: &[&str]) -> HttpBroker {
        let mut options = Options::default();
        options.registry = Some(Arc::new(self.0.clone()));
        options.schemes = schemes.iter().map(|name| name.parse().unwrap()).collect();
        HttpBroker::new(&options).unwrap()
    }

    /// Announces a subscriber that the test plays itself.
    pub async fn announce(&self, name: &str, version: &str, id: &str, address: &str, topic: &str) {
        let facts = [("broker", "http"), ("topic", topic), ("secure", "false")];
        self.register(name, version, id, address, facts).await;
    }

    /// Announces one that speaks TLS.
    pub async fn announce_tls(
        &self,
        name: &str,
        version: &str,
        id: &str,
        address: &str,
        topic: &str,
    ) {
        let facts = [("broker", "http"), ("topic", topic), ("secure", "true")];
        self.register(name, version, id, address, facts).await;
    }

    async fn register(
        &self,
        name: &str,
        version: &str,
        id: &str,
        address: &str,
        facts: [(&str, &str); 3],
    ) {
        let node = Node {
            id: id.to_owned(),
            address: address.to_owned(),
            metadata: facts
                .map(|(name, value)| (name.into(), value.into()))
                .into(),
        };
        let service = Service {
            name: name.to_owned(),
            version: version.to_owned(),
            nodes: vec![node],
            ..Service::default()
        };
        self.0.register(&service, None).await.unwrap();
    }

    pub async fn nodes(&self, name: &str) -> Vec<Node> {
        let services = self.0.get(name).await.unwrap_or_default();
        let nodes = services.into_iter().flat_map(|service| service.nodes);
        nodes.collect()
    }

    /// The only node of that name.
    pub async fn node(&self, name: &str) -> Node {
        let [node] = self.nodes(name).await.try_into().unwrap();
        node
    }
}

pub fn group(name: &'static str) -> Terms {
    Terms::new(Mode::group(name))
}

pub fn message(body: &str) -> Message {
    Message {
        content_type: ContentType::JSON,
        metadata: Metadata::new(),
        body: body.to_owned().into(),
    }
}

/// Waits for what must happen.
pub async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(SOON, future).await.expect("nothing happened")
}
