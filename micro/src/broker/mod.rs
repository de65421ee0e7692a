//! How published messages get to subscribers.
//!
//! [`Broker`] is the seam; each backend is one file beside this one. The client end publishes, the server
//! end subscribes; neither is known here.

mod delivery;
mod memory;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::future::BoxFuture;

pub use delivery::{Consumer, Delivery, Subscription};
pub use memory::MemoryBroker;

use crate::error::Result;
use crate::message::Message;

/// A way to hand messages to whoever subscribed.
#[async_trait]
pub trait Broker: fmt::Debug + Send + Sync {
    /// Hands `message` to the subscribers of `topic`.
    ///
    /// # Behavior
    ///
    /// - A topic that nobody subscribed to takes messages all the same.
    ///
    /// # Errors
    ///
    /// `unavailable` if the backend cannot be reached.
    async fn publish(&self, topic: &str, message: Message) -> Result<()>;

    /// Hands messages of `topic` to `consumer`, from when this returns until the subscription is dropped.
    ///
    /// # Behavior
    ///
    /// - Each message goes to one member of each group, and to every broadcast subscriber.
    /// - One message at a time and in order, unless [`Terms::concurrency`] says otherwise.
    /// - A message that a group's consumer failed is handed to the group again, with its attempt number, up to
    ///   [`Terms::tries`] times, and then published to `dead.TOPIC.GROUP` with the reason in `micro-reason`.
    /// - Broadcast messages are not handed out again.
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

    /// What subscribers can rely on.
    fn capabilities(&self) -> Capabilities;

    /// The name in the `broker` metadata of nodes, such as `http`.
    fn name(&self) -> &'static str;
}

/// Who of the subscribers gets a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mode {
    /// One member of the group of this name.
    Group(Cow<'static, str>),
    /// Everyone.
    Broadcast,
}

impl Mode {
    /// One member of the group called `name`.
    pub fn group(name: impl Into<Cow<'static, str>>) -> Self {
        Self::Group(name.into())
    }
}

/// On what terms messages are wanted.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Terms {
    /// Who of the subscribers gets a message.
    pub mode: Mode,
    /// How often a message is handed out until it is parked; at least 1. Default 3.
    pub tries: u32,
    /// How many messages are handled at once; at least 1. Default 1, which keeps their order.
    pub concurrency: usize,
    /// True if messages published while nobody is there must be kept. Default false.
    pub durable: bool,
}

impl Terms {
    /// The default terms.
    pub fn new(mode: Mode) -> Self {
        Self {
            mode,
            tries: 3,
            concurrency: 1,
            durable: false,
        }
    }
}

/// What a broker promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Capabilities {
    /// True if a message is handed out until it was handled; false if it may be lost.
    pub at_least_once: bool,
    /// True if messages survive a restart of the broker and wait for absent groups.
    pub durable: bool,
}

impl fmt::Display for Capabilities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.at_least_once {
            "at least once"
        } else {
            "at most once"
        })?;
        f.write_str(if self.durable {
            ", durable"
        } else {
            ", not durable"
        })
    }
}

/// What a broker is opened with.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Options {
    /// Where the backend is. Empty means its default.
    pub addresses: Vec<String>,
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

/// A future that handles one delivery.
pub(crate) type Handling = BoxFuture<'static, Result<()>>;
