//! The client end: finds nodes, chooses one, carries the call there, and publishes messages.
//!
//! A [`Client`] is made once by the assembly; a [`Call`] is a value that a typed client or a user makes, and
//! `attempt` is the one loop that all calls go through.

mod attempt;
mod call;
mod fit;
mod payload;
mod publish;
mod retry;
mod spent;
mod stream;
mod window;

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use futures_util::FutureExt;

pub use call::{Call, Method};
pub use publish::{Publish, Publisher};

use self::attempt::Route;
use self::call::Plan;
use self::retry::Budget;
use self::window::Window;
use crate::broker::Broker;
use crate::codec::Message;
use crate::error::Result;
use crate::message::{ContentType, Request, Response};
use crate::phase::Course;
use crate::registry::{Cache, Ejection};
use crate::selector::Selector;
use crate::telemetry::{Metrics, Observation};
use crate::transport::{Channel, Facts, Transport};
use crate::wrapper::{Next, Stack, Wrapper};

/// Who says so in errors of this end.
const ID: &str = "micro.client";

/// How long is waited for a first node by who only asks whether there is one.
const MOMENT: Duration = Duration::from_millis(200);

/// How a client behaves.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// Time allowed for one call, all attempts and waits included. Default 5 s.
    ///
    /// Sent as the `Timeout` header, in whole nanoseconds of what is left.
    pub request_timeout: Duration,
    /// How often a call of an idempotent method is repeated after a failure that a repetition may mend. Default 1.
    pub retries: u32,
    /// How many such repetitions all calls together may have, in percent of the calls of the last ten seconds.
    /// Default 10.
    ///
    /// It keeps a failure from multiplying the load. What never reached a handler is sent again without it.
    pub retry_budget: u32,
    /// How many such repetitions a second there may be beside that, for clients that make few calls. Default 10.
    ///
    /// What was not used in the last ten seconds may be used at once: when a node dies, all of its calls break together.
    pub retry_reserve: u32,
    /// After how long without an answer a call of an idempotent method is sent to a second node, too; zero, which is the
    /// default, is never.
    ///
    /// The first answer settles the call. What it costs is taken from the budget of repetitions. See
    /// [`Call::hedge`](crate::Call::hedge).
    pub hedge: Duration,
    /// When nodes that go on failing are passed over.
    pub ejection: Ejection,
    /// How messages are written to nodes that take it. Default MessagePack.
    ///
    /// The name of an [envelope](crate::codec::envelope), such as `application/msgpack-rpc`, has calls over HTTP sealed in
    /// it, too; nodes whose records do not say what they take are then trusted to take that.
    pub content_type: ContentType,
    /// How long a call waits for a first node of a service that nobody has announced yet. Default 2 s.
    pub discovery: Duration,
    /// Names of credentials, such as `authorization`, that calls made by a handler inherit all the same.
    pub inherit: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            request_timeout: Duration::from_secs(5),
            retries: 1,
            retry_budget: 10,
            retry_reserve: 10,
            hedge: Duration::ZERO,
            ejection: Ejection::default(),
            content_type: ContentType::MSGPACK,
            discovery: Duration::from_secs(2),
            inherit: Vec::new(),
        }
    }
}

/// Calls services by name. Cheap to clone; clones share connections and what is known of nodes.
#[derive(Clone)]
pub struct Client {
    core: Arc<Core>,
    wrappers: Stack,
    /// The wrappers round the attempt loop; `None` if there are none.
    first: Option<Next>,
    publishing: Stack,
    /// The wrappers round the broker; `None` if there are none.
    first_publishing: Option<Next>,
}

/// What all clones share.
pub(crate) struct Core {
    name: Cow<'static, str>,
    route: Route,
    broker: Arc<dyn Broker>,
    budget: Budget,
    /// `None` if calls are not counted.
    metrics: Option<Metrics>,
    options: Options,
}

impl Client {
    pub(crate) fn new(
        name: Cow<'static, str>,
        cache: Cache,
        transport: Arc<dyn Transport>,
        selector: Arc<dyn Selector>,
        broker: Arc<dyn Broker>,
        metrics: Option<Metrics>,
        options: Options,
    ) -> Self {
        let channels = Channels {
            transport,
            open: RwLock::default(),
        };
        let route = Route::Discovered {
            cache,
            selector,
            channels,
        };
        Self::with_route(name, route, broker, metrics, options)
    }

    /// A client of whatever is behind `channel`, under any name.
    pub(crate) fn to(channel: Arc<dyn Channel>, broker: Arc<dyn Broker>) -> Self {
        let route = Route::Fixed(channel);
        Self::with_route(Cow::Borrowed(""), route, broker, None, Options::default())
    }

    fn with_route(
        name: Cow<'static, str>,
        route: Route,
        broker: Arc<dyn Broker>,
        metrics: Option<Metrics>,
        options: Options,
    ) -> Self {
        let core = Arc::new(Core {
            name,
            route,
            broker,
            budget: Budget::new(&options),
            metrics,
            options,
        });
        Self {
            core,
            wrappers: Stack::default(),
            first: None,
            publishing: Stack::default(),
            first_publishing: None,
        }
    }

    /// This client with `wrapper` round its calls, inside the wrappers that are there.
    pub fn wrap(mut self, wrapper: impl Wrapper) -> Self {
        self.wrappers.push(wrapper);
        let core = Arc::clone(&self.core);
        let end = move |mut request: Request| {
            let core = Arc::clone(&core);
            let plan = request.extensions.remove();
            async move { attempt::run(&core, request, plan).await }.boxed()
        };
        self.first = self.wrappers.round(end);
        self
    }

    /// This client with `wrapper` round what it publishes, inside the wrappers that are there.
    pub fn wrap_publisher(mut self, wrapper: impl Wrapper) -> Self {
        self.publishing.push(wrapper);
        let core = Arc::clone(&self.core);
        let end = move |request| publish::run(Arc::clone(&core), request);
        self.first_publishing = self.publishing.round(end);
        self
    }

    /// A call of `endpoint` of `service`, made when it is awaited.
    ///
    /// ```no_run
    /// use micro::prelude::*;
    ///
    /// # async fn example(service: micro::Service) -> micro::Result<()> {
    /// let name = Plain("John".to_owned());
    /// let greeting: Plain<String> = service.client().call("greeter", "Greeter.Hello", &name).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn call<Q, R>(
        &self,
        service: impl Into<Cow<'static, str>>,
        endpoint: impl Into<Cow<'static, str>>,
        request: &Q,
    ) -> Call<R>
    where
        Q: Message + Clone,
        R: Message,
    {
        Call::unary(
            self,
            service.into(),
            Method::named(endpoint),
            (Q::format(), R::format()),
            request.clone(),
        )
    }

    /// How old is what is known of the nodes of `service`, for metrics: see [`Cache::age`].
    ///
    /// `None` before the first call of the service, too.
    pub fn age(&self, service: &str) -> Option<Duration> {
        match &self.core.route {
            Route::Discovered { cache, .. } => cache.age(service),
            Route::Fixed(_) => None,
        }
    }

    /// Publishes events of type `T` to `topic`.
    pub fn publisher<T: Message>(&self, topic: impl Into<Cow<'static, str>>) -> Publisher<T> {
        Publisher::new(self, topic.into(), T::format())
    }

    /// Hands out again what the subscribers of `topic` in `group` could not handle; says how many messages that were.
    ///
    /// # Errors
    ///
    /// The broker's.
    pub async fn replay(&self, topic: &str, group: &str) -> Result<usize> {
        self.core.broker.replay(topic, group).await
    }

    /// Sends `request` through the wrappers to the attempt loop, until the time allowed is over.
    async fn send(&self, mut request: Request, plan: Plan) -> Result<Response> {
        let observation = Observation::of_call(self.core.metrics.as_ref(), &mut request);
        // Boxed what is not always there, so that a bare call is no larger for it.
        match (observation, &self.first) {
            (None, None) => attempt::run(&self.core, request, Some(plan)).await,
            (None, Some(first)) => through(first, request, plan).boxed().await,
            (Some(observation), None) => {
                let run = attempt::run(&self.core, request, Some(plan));
                observation.round(run).boxed().await
            }
            (Some(observation), Some(first)) => {
                observation
                    .round(through(first, request, plan))
                    .boxed()
                    .await
            }
        }
    }

    /// Sends a message through the wrappers to the broker.
    pub(crate) async fn hand_out(&self, mut request: Request) -> Result<Response> {
        match Observation::of_publishing(self.core.metrics.as_ref(), &mut request) {
            None => self.pass_out(request).await,
            Some(observation) => observation.round(self.pass_out(request)).await,
        }
    }

    async fn pass_out(&self, request: Request) -> Result<Response> {
        match &self.first_publishing {
            None => publish::run(Arc::clone(&self.core), request).await,
            Some(first) => first.take(request).await,
        }
    }

    /// Looks for a node of `service`, and waits a moment for a first one.
    ///
    /// # Errors
    ///
    /// `not_found` or `unavailable`, saying what was asked.
    pub(crate) async fn find(self, service: String) -> Result<()> {
        match &self.core.route {
            Route::Fixed(_) => Ok(()),
            Route::Discovered { cache, .. } => cache.snapshot(&service, MOMENT).await.map(drop),
        }
    }

    /// The service that calls and publishes.
    pub(crate) fn name(&self) -> &Cow<'static, str> {
        &self.core.name
    }

    pub(crate) fn options(&self) -> &Options {
        &self.core.options
    }
}

/// Sends `request` through the wrappers, until the time allowed is over.
async fn through(first: &Next, mut request: Request, plan: Plan) -> Result<Response> {
    let window = Window::new(plan.opened_by);
    request.extensions.insert(plan);
    let mut course = Course::new(window.begun);
    let taken = window.bound(&mut course, first.take(request)).await;
    taken.unwrap_or_else(|| Err(window.expired("all of it in the wrappers of the client")))
}

/// The channels to the nodes called so far, by address.
pub(crate) struct Channels {
    transport: Arc<dyn Transport>,
    open: RwLock<HashMap<String, Arc<dyn Channel>>>,
}

/// How many addresses are remembered; a client that met more forgets them all, and dials anew.
const CHANNELS: usize = 4096;

impl Channels {
    /// The one to `address`, made with `facts` if there is none.
    fn to(&self, address: &str, facts: &Facts) -> Result<Arc<dyn Channel>> {
        // The map is whole after any panic: each change is one call.
        if let Some(channel) = self
            .open
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(address)
        {
            return Ok(Arc::clone(channel));
        }
        let channel = self.transport.dial(address, facts)?;
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        if open.len() >= CHANNELS {
            open.clear();
        }
        let channel = open.entry(address.to_owned()).or_insert(channel);
        Ok(Arc::clone(channel))
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("wrappers", &self.wrappers)
            .finish_non_exhaustive()
    }
}
