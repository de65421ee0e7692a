//! How published messages get to subscribers.
//!
//! [`Broker`] is the seam; each backend is one file beside this one. The client end publishes, the server
//! end subscribes; neither is known here.

mod delivery;
#[cfg(any(feature = "broker-http", feature = "broker-nats"))]
#[cfg_attr(not(feature = "broker-http"), allow(dead_code))]
mod envelope;
#[cfg(all(fuzzing, feature = "broker-http"))]
pub(crate) mod fuzz;
#[cfg(feature = "broker-http")]
mod http;
#[cfg(feature = "broker-nats")]
mod jetstream;
mod member;
mod memory;
#[cfg(feature = "broker-nats")]
mod nats;
mod parked;
mod queue;
#[cfg(feature = "broker-rabbitmq")]
mod rabbitmq;
mod scheme;
mod terms;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

#[cfg(feature = "broker-http")]
pub use self::http::HttpBroker;
#[cfg(feature = "broker-nats")]
pub use self::jetstream::JetStreamBroker;
pub use delivery::{Consumer, Delivery, Subscription};
pub use memory::MemoryBroker;
#[cfg(feature = "broker-nats")]
pub use nats::NatsBroker;
#[cfg(feature = "broker-rabbitmq")]
pub use rabbitmq::RabbitMqBroker;
pub use scheme::Scheme;
pub use terms::{Capabilities, Mode, Order, Redelivery, Terms};

use crate::error::Result;
use crate::limits::Limits;
#[cfg(any(
    feature = "broker-http",
    feature = "broker-nats",
    feature = "broker-rabbitmq"
))]
use crate::message::ContentType;
use crate::message::Message;
use crate::registry::Registry;
use crate::tls::Tls;

/// Who speaks in the errors of all brokers.
const ID: &str = "micro.broker";

/// The metadata of a parked message that says why it is: the error of the last try, in go-micro's JSON form.
pub const REASON: &str = "Micro-Reason";

/// The metadata of a parked message that says how often it was tried.
pub const ATTEMPTS: &str = "Micro-Attempts";

/// The metadata of a message that names what it is about: messages of one topic with the same key stay in order, also with a
/// broker that orders no others.
pub const KEY: &str = "Micro-Key";

/// A way to hand messages to whoever subscribed.
#[async_trait]
pub trait Broker: fmt::Debug + Send + Sync {
    /// Hands `message` to the subscribers of `topic`, and returns once each group and each broadcast subscriber took it.
    ///
    /// # Behavior
    ///
    /// - A topic that nobody subscribed to takes messages all the same.
    /// - A message arrives with its content type, its metadata and its body.
    /// - An empty body and one of 1 MiB arrive as they are.
    /// - A group that has too much to handle makes publishers wait.
    /// - A group that has too much to handle is named to those that it keeps waiting.
    /// - While the server is away publishing is `unavailable`.
    /// - A server that hangs is `unavailable` to publishers in time.
    /// - What was published outlives the server.
    ///
    /// # Errors
    ///
    /// `unavailable` if the backend cannot be reached, `too_many_requests` if subscribers have no room for the message.
    /// Other groups may have taken it then.
    async fn publish(&self, topic: &str, message: Message) -> Result<()>;

    /// Hands messages of `topic` to `consumer`, from when this returns until the subscription is left.
    ///
    /// # Behavior
    ///
    /// - Each message goes to one member of each group.
    /// - Each message goes to every broadcast subscriber.
    /// - Messages are handled one at a time.
    /// - Messages of a topic are handled in order.
    /// - Messages with the same key are handled in order.
    /// - With a concurrency of n, n messages are handled at once.
    /// - A message that a consumer failed is handed out again, with its attempt number.
    /// - After the last of its tries a message is parked, with the reason, and told to `dead.TOPIC.GROUP`.
    /// - A message that fails for good is parked at once.
    /// - The messages behind one that fails are handled all the same.
    /// - Broadcast messages are not handed out again.
    /// - A subscriber that leaves finishes what it handles, and the rest goes to its group.
    /// - A broadcast subscriber that leaves handles all that it took.
    /// - Terms that the broker cannot keep are refused.
    /// - The default terms are never refused.
    /// - Messages wait for a durable group that is away.
    /// - A subscription goes on once the server is back.
    ///
    /// # Errors
    ///
    /// `unavailable` if the backend cannot be reached, `bad_request` if it cannot keep the terms.
    async fn subscribe(
        &self,
        topic: &str,
        terms: Terms,
        consumer: Consumer,
    ) -> Result<Subscription>;

    /// Hands out again what is parked for `group`, as far as it has room, and says how many messages that were.
    ///
    /// # Behavior
    ///
    /// - What is replayed goes to that group alone, as it was published.
    ///
    /// # Errors
    ///
    /// `unavailable` if the backend cannot be reached, `too_many_requests` if the group has no room at all. What was not
    /// handed out stays parked.
    async fn replay(&self, topic: &str, group: &str) -> Result<usize>;

    /// What subscribers can rely on.
    fn capabilities(&self) -> Capabilities;

    /// True if no message leaves this process in plaintext. Not by default; a program that asks for TLS runs with no other.
    fn is_secured(&self) -> bool {
        false
    }

    /// The name in the `broker` metadata of nodes, such as `http`.
    fn name(&self) -> &'static str;
}

/// The topic that is told of what is parked for `group`.
fn dead(topic: &str, group: &str) -> String {
    format!("dead.{topic}.{group}")
}

/// The content type that go-micro calls `name`.
#[cfg(any(
    feature = "broker-http",
    feature = "broker-nats",
    feature = "broker-rabbitmq"
))]
fn content_type(name: &str) -> ContentType {
    match name {
        // What v0 calls the protobuf that it publishes.
        "application/octet-stream" => ContentType::PROTOBUF,
        other => ContentType::new(other),
    }
}

/// What a broker is opened with.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Options {
    /// Where the backend is; for HTTP, where to listen. Empty means its default.
    pub addresses: Vec<String>,
    /// Under which names subscribers of the HTTP broker are found. Empty means [`Scheme::V2`] alone.
    pub schemes: Vec<Scheme>,
    /// Where subscribers find each other, for brokers without a server of their own. A program gives its own registry.
    pub registry: Option<Arc<dyn Registry>>,
    /// How connections are secured, for brokers that are served by this process. A program gives what its transport has.
    pub tls: Tls,
    /// The bounds, for brokers that are served by this process. A program gives those of its transport.
    pub limits: Limits,
}

/// One backend in the table of those that are compiled in.
#[derive(Debug)]
pub struct Backend {
    /// The names it is chosen by, the usual one first.
    pub names: &'static [&'static str],
    /// Opens it.
    pub open: fn(&Options) -> Result<Arc<dyn Broker>>,
}

inventory::collect!(Backend);
