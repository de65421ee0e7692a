//! The server end of a message: from a delivery to the user's subscriber.

use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::handler::Enter;
use crate::broker::{Broker, Consumer, Delivery, Mode, Subscription, Terms};
use crate::codec::{Format, Message, Outline};
use crate::context::{Context, Scope};
use crate::error::{Error, Outcome, Result};

type Serve =
    Arc<dyn Fn(Context, &Delivery) -> Result<BoxFuture<'static, Result<()>>> + Send + Sync>;

/// What handles the messages of one topic. Cheap to clone.
#[derive(Clone)]
pub struct Subscriber {
    pub(crate) topic: Cow<'static, str>,
    pub(crate) event: Option<Outline>,
    terms: Terms,
    serve: Serve,
}

/// A subscriber of `topic`: `Ok` acks a message, `Err` has it handed out again.
///
/// ```
/// use micro::prelude::*;
///
/// let audit = subscriber("audit", Mode::Broadcast, async |_ctx: Context, entry: Plain<String>| {
///     println!("{}", entry.0);
///     Ok::<_, micro::Error>(())
/// });
/// # let _ = audit;
/// ```
pub fn subscriber<T, E, F, Fut>(
    topic: impl Into<Cow<'static, str>>,
    mode: Mode,
    handler: F,
) -> Subscriber
where
    T: Message,
    E: Into<Error>,
    F: Fn(Context, T) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<(), E>> + Send + 'static,
{
    subscriber_as(T::format(), topic, mode, handler)
}

/// [`subscriber`] with the format named.
pub fn subscriber_as<T, F, Fut>(
    format: Format<T>,
    topic: impl Into<Cow<'static, str>>,
    mode: Mode,
    handler: F,
) -> Subscriber
where
    T: Send + 'static,
    F: Fn(Context, T) -> Fut + Send + Sync + 'static,
    Fut: Future<Output: Outcome<Value = ()>> + Send + 'static,
{
    let serve = move |context: Context, delivery: &Delivery| {
        let event = format.decode(&delivery.message.content_type, &delivery.message.body)?;
        let handled = handler(context, event);
        Ok(async move { handled.await.into_result().map_err(Into::into) }.boxed())
    };
    Subscriber {
        topic: topic.into(),
        event: format.outline(),
        terms: Terms::new(mode),
        serve: Arc::new(serve),
    }
}

impl Subscriber {
    /// How often a message is tried before it is parked. Default 3.
    pub fn retry(mut self, tries: u32) -> Self {
        self.terms.tries = tries.max(1);
        self
    }

    /// How many messages are handled at once, in no order. Default 1, in order.
    pub fn concurrency(mut self, messages: usize) -> Self {
        self.terms.concurrency = messages.max(1);
        self
    }

    /// Asks for messages published while nobody was there. A broker that keeps none refuses.
    pub fn durable(mut self) -> Self {
        self.terms.durable = true;
        self
    }

    /// This, asking `enter` before each run, before the event is decoded.
    pub(crate) fn gated(mut self, enter: impl Enter) -> Self {
        let serve = Arc::clone(&self.serve);
        self.serve = Arc::new(move |context, delivery| {
            let (entered, serve) = (enter(), Arc::clone(&serve));
            let delivery = delivery.clone();
            Ok(async move {
                let leave = entered.await?;
                let handled = async { serve(context, &delivery)?.await }.await;
                leave(handled.as_ref().err());
                handled
            }
            .boxed())
        });
        self
    }

    /// Subscribes until the subscription is dropped.
    ///
    /// # Errors
    ///
    /// The broker's.
    pub(crate) async fn subscribe(
        &self,
        broker: &dyn Broker,
        scope: Scope,
    ) -> Result<Subscription> {
        let subscriber = self.clone();
        let consumer = Consumer::new(move |delivery| {
            let (subscriber, scope) = (subscriber.clone(), scope.clone());
            async move { subscriber.handle(delivery, scope).await }.boxed()
        });
        broker
            .subscribe(&self.topic, self.terms.clone(), consumer)
            .await
    }

    async fn handle(&self, delivery: Delivery, scope: Scope) -> Result<()> {
        let _tracked = scope.tasks.token();
        let stop = scope.stop.clone();
        let context = Context::new(
            delivery.message.metadata.clone(),
            None,
            None,
            delivery.attempt,
            scope,
        );
        let serve = Arc::clone(&self.serve);
        let run = {
            let context = context.clone();
            async move { serve(context, &delivery)?.await }
        };
        let run = AssertUnwindSafe(context.scope(Box::pin(run))).catch_unwind();
        let handled = stop.run_until_cancelled(run).await;
        context.finish();
        match handled {
            Some(Ok(result)) => result,
            Some(Err(_)) => Err(Error::internal(
                "micro.server",
                format!("the subscriber of {} panicked", self.topic),
            )),
            None => Err(Error::unavailable(
                "micro.server",
                "the server stopped before the subscriber was done",
            )),
        }
    }
}

impl fmt::Debug for Subscriber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscriber")
            .field("topic", &self.topic)
            .field("terms", &self.terms)
            .finish_non_exhaustive()
    }
}
