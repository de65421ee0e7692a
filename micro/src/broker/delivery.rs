//! A message on its way to one subscriber, and the hold on what brings them.

use std::fmt;
use std::sync::Arc;

use super::Handling;
use crate::message::Message;

/// One message, handed to one consumer. It is acked when the consumer returns `Ok`, handed back when not.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Delivery {
    /// The topic it was published to.
    pub topic: Arc<str>,
    /// What was published.
    pub message: Message,
    /// Which try this is, from 1.
    pub attempt: u32,
}

impl Delivery {
    /// A try to hand out `message`.
    pub fn new(topic: Arc<str>, message: Message, attempt: u32) -> Self {
        Self {
            topic,
            message,
            attempt,
        }
    }
}

/// What a subscriber does with a delivery.
#[derive(Clone)]
pub struct Consumer(Arc<dyn Fn(Delivery) -> Handling + Send + Sync>);

impl Consumer {
    /// Handles deliveries by `handle`.
    pub fn new(handle: impl Fn(Delivery) -> Handling + Send + Sync + 'static) -> Self {
        Self(Arc::new(handle))
    }

    /// Handles one.
    pub fn handle(&self, delivery: Delivery) -> Handling {
        (self.0)(delivery)
    }
}

impl fmt::Debug for Consumer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Consumer")
    }
}

/// A subscription in force. Dropping it ends it: what is being handled is finished, nothing more is taken.
pub struct Subscription(Option<Box<dyn FnOnce() + Send + Sync>>);

impl Subscription {
    /// A subscription that `end` ends.
    pub fn new(end: impl FnOnce() + Send + Sync + 'static) -> Self {
        Self(Some(Box::new(end)))
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        if let Some(end) = self.0.take() {
            end();
        }
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Subscription")
    }
}
