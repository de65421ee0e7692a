//! A message on its way to one subscriber, and the hold on what brings them.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::error::Result;
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

/// A future that handles one delivery.
pub(crate) type Handling = BoxFuture<'static, Result<()>>;

/// What a subscriber does with a delivery.
#[derive(Clone)]
pub struct Consumer(Arc<dyn Fn(Delivery) -> Handling + Send + Sync>);

impl Consumer {
    /// Handles deliveries by `handle`; an error that is [permanent](crate::Error::is_permanent) ends the tries.
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

/// A subscription in force. Dropping it [leaves](Self::leave).
pub struct Subscription {
    leaving: CancellationToken,
    /// `None` once it has ended.
    serving: Option<JoinHandle<()>>,
}

impl Subscription {
    /// A subscription that `serve` serves in a task. The future it is given is ready when the subscriber leaves; it is
    /// then to finish what it took, to give back what it did not begin, and to return.
    pub fn new<F, Fut>(serve: F) -> Self
    where
        F: FnOnce(BoxFuture<'static, ()>) -> Fut,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let leaving = CancellationToken::new();
        let left = Box::pin(leaving.clone().cancelled_owned());
        let serving = tokio::spawn(serve(left));
        Self {
            leaving,
            serving: Some(serving),
        }
    }

    /// Takes no more messages from now on.
    pub fn leave(&self) {
        self.leaving.cancel();
    }

    /// Waits until what was taken is handled, or back with its group; for ever, unless it was [left](Self::leave).
    pub async fn ended(&mut self) {
        if let Some(serving) = &mut self.serving {
            if let Err(error) = serving.await
                && error.is_panic()
            {
                tracing::error!(%error, "a subscription ended in a panic");
            }
            self.serving = None;
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.leave();
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Subscription")
    }
}
