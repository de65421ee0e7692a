//! The server end of a message: from a delivery to the user's subscriber.

use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::handler::Enter;
use super::rpc::Finish;
use crate::broker::{Broker, Consumer, Delivery, Mode, Subscription, Terms};
use crate::codec::{Format, Message, Outline};
use crate::context::{Context, Scope};
use crate::error::{Error, Outcome, Result};
use crate::message::{self, Body, Request, Response};
use crate::telemetry::{Metrics, OK, Observation};
use crate::trace::Traced;
use crate::wrapper::{Next, Stack};

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
        // What cannot be read will not be readable later.
        let event = format
            .decode(&delivery.message.content_type, &delivery.message.body)
            .map_err(Error::permanent)?;
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
    /// How often a message is tried before it is parked, at least once. Default 3. A broadcast cannot have it, nor can a
    /// subscriber of a broker that hands messages out once.
    pub fn retry(mut self, tries: u32) -> Self {
        self.terms.retry = Some(tries);
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
        // What is not taken need not be given back.
        self.terms.room = 1;
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

    /// What handles the messages for `service`, behind `wrappers`.
    pub(super) fn consumer(
        &self,
        service: Cow<'static, str>,
        wrappers: &Stack,
        scope: Scope,
        metrics: Option<Metrics>,
    ) -> Consumer {
        let (serve, inner) = (Arc::clone(&self.serve), scope.clone());
        let first = wrappers
            .round(move |request| unwrapped(Arc::clone(&serve), inner.clone(), request).boxed());
        let (serve, terms) = (Arc::clone(&self.serve), self.terms.clone());
        Consumer::new(move |delivery| {
            let topic = Arc::clone(&delivery.topic);
            let attempt = delivery.attempt;
            let group = match &terms.mode {
                Mode::Group(name) => Some(&**name),
                Mode::Broadcast => None,
            };
            let observation =
                Observation::of_handling(metrics.as_ref(), &service, group, &delivery);
            let traced = observation.as_ref().and_then(Observation::traced);
            let run = match &first {
                None => run(Arc::clone(&serve), delivery, scope.clone(), traced).boxed(),
                Some(first) => {
                    let service = service.clone();
                    wrapped(first.clone(), service, delivery, scope.clone(), traced).boxed()
                }
            };
            let run = guarded(topic, run, scope.clone());
            match observation {
                None => run.boxed(),
                Some(observation) => observed(observation, terms.clone(), attempt, run).boxed(),
            }
        })
    }

    /// Subscribes until the subscription is left.
    ///
    /// # Errors
    ///
    /// The broker's.
    pub(super) async fn subscribe(
        &self,
        broker: &dyn Broker,
        consumer: Consumer,
    ) -> Result<Subscription> {
        let terms = self.terms.clone();
        broker.subscribe(&self.topic, terms, consumer).await
    }
}

/// The user's function, under a context of its own.
async fn run(
    serve: Serve,
    delivery: Delivery,
    scope: Scope,
    traced: Option<Arc<Traced>>,
) -> Result<()> {
    let metadata = delivery.message.metadata.clone();
    let context = Context::new(metadata, None, None, delivery.attempt, scope, traced);
    let finish = Finish(context.clone());
    let inner = context.clone();
    // The user's function runs up to its first await where it is called: inside, for the context.
    let run = async move { serve(inner, &delivery)?.await };
    let handled = context.scope(Box::pin(run)).await;
    drop(finish);
    handled
}

/// A message as the wrappers see it.
async fn wrapped(
    first: Next,
    service: Cow<'static, str>,
    delivery: Delivery,
    scope: Scope,
    traced: Option<Arc<Traced>>,
) -> Result<()> {
    let Delivery {
        topic,
        message,
        attempt,
    } = delivery;
    let context = Context::new(message.metadata.clone(), None, None, attempt, scope, traced);
    let mut request = Request::new(service, topic.to_string());
    request.content_type = message.content_type;
    request.metadata = message.metadata;
    request.body = Body::Bytes(message.body);
    request.context = context.clone();
    context.scope(first.take(request)).await.map(drop)
}

/// What is behind the wrappers.
async fn unwrapped(serve: Serve, scope: Scope, request: Request) -> Result<Response> {
    let message = message::Message {
        content_type: request.content_type.clone(),
        metadata: request.metadata,
        body: request.body.into_bytes()?,
    };
    let (topic, attempt) = (Arc::from(&*request.endpoint), request.context.attempt());
    let delivery = Delivery::new(topic, message, attempt);
    run(serve, delivery, scope, request.context.traced().cloned()).await?;
    Ok(Response::new(request.content_type, Body::default()))
}

/// Takes down how `run` ends, which is try number `attempt` under `terms`.
async fn observed(
    observation: Observation,
    terms: Terms,
    attempt: u32,
    run: impl Future<Output = Result<()>>,
) -> Result<()> {
    let handled = run.await;
    if let Err(error) = &handled
        && matches!(terms.mode, Mode::Group(_))
        && (attempt >= terms.tries() || error.is_permanent())
    {
        observation.parked();
    }
    observation.end(handled.as_ref().map_or_else(Error::code, |()| OK));
    handled
}

/// Runs until the server no longer waits; a panic is an error. A stopping server waits for it.
async fn guarded(topic: Arc<str>, run: BoxFuture<'static, Result<()>>, scope: Scope) -> Result<()> {
    let _tracked = scope.tasks.token();
    let run = AssertUnwindSafe(run).catch_unwind();
    match scope.stop.run_until_cancelled(run).await {
        Some(Ok(result)) => result,
        Some(Err(_)) => Err(Error::internal(
            "micro.server",
            format!("the subscriber of {topic} panicked"),
        )),
        None => Err(Error::unavailable(
            "micro.server",
            "the server stopped before the subscriber was done",
        )),
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
