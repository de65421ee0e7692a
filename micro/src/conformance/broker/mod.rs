//! What every broker promises: the lines of [`Broker`]'s behavior.

mod arrive;
mod fail;
mod leave;
mod order;
mod outage;
mod seen;
mod share;

use std::any::Any;
use std::fmt;
use std::sync::Arc;

pub use seen::{Gate, One, Seen};

use super::row::Line;
use super::{Server, take};
use crate::broker::{Broker, Capabilities, Consumer, Mode, Order, Redelivery, Subscription, Terms};
use crate::error::Result;
use crate::id;
use crate::message::{ContentType, Message};
use crate::metadata::Metadata;

/// Two ends of one broker: what is published at one is handled at the other.
pub struct Ends {
    here: Arc<dyn Broker>,
    there: Arc<dyn Broker>,
    /// What no other check publishes to.
    topic: String,
    server: Option<Box<dyn Server>>,
    kept: Option<Box<dyn Any + Send + Sync>>,
}

impl Ends {
    /// These two, which may be used for other topics by others.
    pub fn new(here: Arc<dyn Broker>, there: Arc<dyn Broker>) -> Self {
        Self {
            here,
            there,
            topic: format!("topic-{}", &id::random()[..8]),
            server: None,
            kept: None,
        }
    }

    /// Checks are to stop this server, which both ends use.
    pub fn server(mut self, server: impl Server + 'static) -> Self {
        self.server = Some(Box::new(server));
        self
    }

    /// Keeps what both ends stand on, such as a folder, for as long as they are used.
    pub fn keeping(mut self, kept: impl Any + Send + Sync) -> Self {
        self.kept = Some(Box::new(kept));
        self
    }

    fn capabilities(&self) -> Capabilities {
        self.here.capabilities()
    }

    fn waits(&self) -> bool {
        self.capabilities().waits
    }

    fn is_durable(&self) -> bool {
        self.capabilities().durable
    }

    fn redelivers(&self) -> bool {
        self.capabilities().redelivery != Redelivery::None
    }

    fn orders_topics(&self) -> bool {
        self.capabilities().order == Order::Topic
    }

    fn orders_keys(&self) -> bool {
        self.capabilities().order != Order::None
    }

    fn take_server(&mut self) -> Result<Box<dyn Server>> {
        take(&mut self.server)
    }

    async fn here(&self, terms: Terms, consumer: Consumer) -> Result<Subscription> {
        self.here.subscribe(&self.topic, terms, consumer).await
    }

    async fn there(&self, terms: Terms, consumer: Consumer) -> Result<Subscription> {
        self.there.subscribe(&self.topic, terms, consumer).await
    }

    /// Listens to what is parked of the group `g`.
    async fn dead(&self, consumer: Consumer) -> Result<Subscription> {
        let topic = format!("dead.{}.g", self.topic);
        self.here
            .subscribe(&topic, group("undertaker"), consumer)
            .await
    }

    async fn publish(&self, body: &str) -> Result<()> {
        self.send(message(body)).await
    }

    async fn send(&self, message: Message) -> Result<()> {
        self.here.publish(&self.topic, message).await
    }
}

impl fmt::Debug for Ends {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Ends").field(&self.here).finish()
    }
}

fn group(name: &'static str) -> Terms {
    Terms::new(Mode::group(name))
}

fn broadcast() -> Terms {
    Terms::new(Mode::Broadcast)
}

fn message(body: &str) -> Message {
    Message {
        content_type: ContentType::JSON,
        metadata: Metadata::new(),
        body: body.to_owned().into(),
    }
}

/// All of them.
pub fn lines() -> Vec<Line<Ends>> {
    let by_subject = [
        arrive::lines(),
        share::lines(),
        order::lines(),
        fail::lines(),
        leave::lines(),
        outage::lines(),
    ];
    by_subject.into_iter().flatten().collect()
}
