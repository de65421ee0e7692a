//! What the tests of brokers stand on: two ends of one broker, and consumers that tell what they see.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use micro::broker::{
    Broker, Consumer, Delivery, HttpBroker, MemoryBroker, Mode, Options, Subscription, Terms,
};
use micro::message::{ContentType, Message};
use micro::registry::{MemoryRegistry, Node, Registry, Service};
use micro::{Error, Metadata};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

/// What is waited for comes much sooner, or the test fails.
const SOON: Duration = Duration::from_secs(20);

/// Two ends of one broker: what is published at one is handled at the other.
pub struct Ends {
    pub here: Arc<dyn Broker>,
    pub there: Arc<dyn Broker>,
}

impl Ends {
    pub fn memory() -> Self {
        let broker = MemoryBroker::new();
        Self {
            here: Arc::new(broker.clone()),
            there: Arc::new(broker),
        }
    }

    pub fn http() -> Self {
        let network = Network::new();
        Self {
            here: Arc::new(network.broker(&[])),
            there: Arc::new(network.broker(&[])),
        }
    }

    pub async fn here(&self, topic: &str, terms: Terms, consumer: Consumer) -> Subscription {
        self.here.subscribe(topic, terms, consumer).await.unwrap()
    }

    pub async fn there(&self, topic: &str, terms: Terms, consumer: Consumer) -> Subscription {
        self.there.subscribe(topic, terms, consumer).await.unwrap()
    }
}

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

/// Publishes to the topic `t`.
pub async fn publish(broker: &Arc<dyn Broker>, body: &str) {
    broker.publish("t", message(body)).await.unwrap();
}

/// Waits for what must happen.
pub async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(SOON, future).await.expect("nothing happened")
}

/// What consumers were handed, in order.
pub struct Seen {
    sender: mpsc::UnboundedSender<One>,
    receiver: mpsc::UnboundedReceiver<One>,
}

/// One message, and who was handed it.
#[derive(Debug)]
pub struct One {
    pub who: &'static str,
    pub delivery: Delivery,
}

impl One {
    pub fn body(&self) -> String {
        String::from_utf8_lossy(&self.delivery.message.body).into_owned()
    }
}

impl Seen {
    pub fn new() -> Self {
        let (sender, receiver) = mpsc::unbounded_channel();
        Self { sender, receiver }
    }

    /// Acks everything.
    pub fn consumer(&self, who: &'static str) -> Consumer {
        self.failing(who, |_| false)
    }

    /// Fails what `fails`.
    pub fn failing(
        &self,
        who: &'static str,
        fails: impl Fn(&Delivery) -> bool + Send + Sync + 'static,
    ) -> Consumer {
        self.ending(who, move |delivery| match fails(delivery) {
            true => Err(Error::conflict(who, "unlucky")),
            false => Ok(()),
        })
    }

    /// Fails everything for good.
    pub fn hopeless(&self, who: &'static str) -> Consumer {
        self.hopeless_if(who, |_| true)
    }

    pub fn hopeless_if(
        &self,
        who: &'static str,
        fails: impl Fn(&Delivery) -> bool + Send + Sync + 'static,
    ) -> Consumer {
        self.ending(who, move |delivery| match fails(delivery) {
            true => Err(Error::conflict(who, "hopeless").permanent()),
            false => Ok(()),
        })
    }

    fn ending(
        &self,
        who: &'static str,
        end: impl Fn(&Delivery) -> micro::Result<()> + Send + Sync + 'static,
    ) -> Consumer {
        let sender = self.sender.clone();
        Consumer::new(move |delivery| {
            let ended = end(&delivery);
            // A test that has ended looks no more.
            sender.send(One { who, delivery }).ok();
            Box::pin(async { ended })
        })
    }

    pub async fn next(&mut self) -> One {
        soon(self.receiver.recv()).await.unwrap()
    }

    /// How many are there now.
    pub fn all(&mut self) -> usize {
        std::iter::from_fn(|| self.receiver.try_recv().ok()).count()
    }
}

/// What holds consumers up.
pub struct Gate(watch::Sender<bool>);

impl Gate {
    pub fn closed() -> Self {
        Self(watch::Sender::new(false))
    }

    pub fn open(&self) {
        self.0.send_replace(true);
    }

    /// `after`, once this is open.
    pub fn before(&self, after: Consumer) -> Consumer {
        self.between(Consumer::new(|_| Box::pin(async { Ok(()) })), after)
    }

    /// `before` at once, and `after` once this is open.
    pub fn between(&self, before: Consumer, after: Consumer) -> Consumer {
        let open = self.0.clone();
        Consumer::new(move |delivery| {
            let (mut open, before, after) = (open.subscribe(), before.clone(), after.clone());
            Box::pin(async move {
                before.handle(delivery.clone()).await?;
                open.wait_for(|open| *open).await.ok();
                after.handle(delivery).await
            })
        })
    }
}
