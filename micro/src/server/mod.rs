//! The server end: listens, routes calls and messages to handlers, and announces where.
//!
//! Built once by the assembly; transports call it through [`Accept`], brokers through
//! consumers. It knows nothing of the client end.

mod debug;
mod definition;
#[cfg(feature = "grpc")]
mod grpc;
#[cfg(not(feature = "grpc"))]
#[path = "absent.rs"]
mod grpc;
mod handler;
mod health;
mod pages;
mod registration;
mod router;
mod rpc;
mod stream;
mod subscriber;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all};

pub(crate) use definition::proto_files;
pub use definition::{Definition, Handle};
#[cfg(all(fuzzing, feature = "grpc"))]
pub(crate) use grpc::fuzz;
pub(crate) use handler::Leave;
pub use handler::{
    Handler, bidirectional, bidirectional_as, client_streaming, client_streaming_as,
    server_streaming, server_streaming_as, unary, unary_as,
};
pub(crate) use health::Check;
pub use stream::Emitter;
pub use subscriber::{Subscriber, subscriber, subscriber_as};

use self::debug::Stats;
use self::health::Health;
use self::pages::Pages;
use self::registration::Identity;
use self::router::Router;
use self::rpc::Rpc;
use crate::broker::{Broker, Subscription};
use crate::context::Scope;
use crate::error::{Error, Result};
use crate::id;
use crate::message::{Request, Response};
use crate::registry::{self, Registration, Registry};
use crate::telemetry::{Metrics, otlp};
use crate::transport::{Accept, Listener, Transport};
use crate::wrapper::Stack;

/// How a server behaves.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// The version of services that name none. Default `latest`, as go-micro.
    pub version: String,
    /// Unique among servers; part of each node's id. Default a random one.
    pub id: String,
    /// Where to listen. Empty, which is the default, means any free port: of this host only, unless the registry
    /// [reaches other hosts](crate::registry::Registry::reachable_at); then of every interface.
    pub address: String,
    /// Where others are told to call. Default the bound address; if all are bound, the one at which those who use the
    /// registry reach this host.
    pub advertise: Option<String>,
    /// Facts added to each node's record.
    pub metadata: BTreeMap<String, String>,
    /// How long a registration holds without renewal; zero is without end. Default 90 s.
    pub register_ttl: Duration,
    /// How often it is renewed, at most every third of its life; zero is never. Default 30 s.
    pub register_interval: Duration,
    /// How long a stopping server still answers calls after it deregistered, for callers that have not heard of
    /// it yet. Default 3 s.
    pub linger: Duration,
    /// How long a stopping server waits for calls in flight. Default 30 s.
    pub drain: Duration,
    /// How long one check of whether the service is ready may take; one that takes longer is not passed. Default 500 ms.
    pub check_timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            version: "latest".to_owned(),
            id: id::random(),
            address: String::new(),
            advertise: None,
            metadata: BTreeMap::new(),
            register_ttl: Duration::from_secs(90),
            register_interval: Duration::from_secs(30),
            linger: Duration::from_secs(3),
            drain: Duration::from_secs(30),
            check_timeout: Duration::from_millis(500),
        }
    }
}

/// How long messages that were cut short may take to go back to their group.
const GIVE_BACK: Duration = Duration::from_secs(1);

/// What a server stands on.
#[derive(Clone, Debug)]
pub(crate) struct Parts {
    pub(crate) registry: Arc<dyn Registry>,
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) broker: Arc<dyn Broker>,
    /// `None` if nothing is counted.
    pub(crate) metrics: Option<Metrics>,
}

/// What stands round the handlers and the subscribers of a server.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wrappers {
    pub(crate) handlers: Stack,
    pub(crate) subscribers: Stack,
}

/// A server that is running.
#[derive(Debug)]
pub(crate) struct Server {
    rpc: Rpc,
    scope: Scope,
    listener: Arc<dyn Listener>,
    subscriptions: Vec<Subscription>,
    registration: Option<Registration>,
    health: Health,
    options: Options,
}

/// The endpoints of `definitions` as something that answers calls, without a listener.
/// If two handlers have one name, every call is answered with that.
pub(crate) fn accept(definitions: &[Definition]) -> Arc<dyn Accept> {
    match rpc(
        definitions,
        Scope::default(),
        &Stack::default(),
        Pages::default(),
    ) {
        Ok(rpc) => Arc::new(rpc),
        Err(clash) => Arc::new(Clash(clash.detail().to_owned())),
    }
}

/// Answers every call with what is wrong with the handlers.
struct Clash(String);

impl Accept for Clash {
    fn streams(&self, _: &Request) -> bool {
        false
    }

    fn call(&self, _: Request) -> BoxFuture<'static, Result<Response>> {
        std::future::ready(Err(Error::conflict("micro.server", self.0.clone()))).boxed()
    }
}

fn say_where(registry: &dyn Registry, node: &str) {
    let where_to = registry.describe();
    match registry.capabilities().registers {
        true => tracing::info!(registry = %where_to, "Registering node: {node}"),
        false => {
            tracing::info!(registry = %where_to, "This registry announces nothing: {node} is registered nowhere")
        }
    }
}

/// Refuses endpoints that callers could never reach over `transport`.
fn can_carry(transport: &dyn Transport, definitions: &[Definition]) -> Result<()> {
    if transport.capabilities().streams {
        return Ok(());
    }
    let mut endpoints = definitions.iter().flat_map(|one| &one.endpoints);
    let Some((name, _)) = endpoints.find(|(_, handler)| handler.facts.streams) else {
        return Ok(());
    };
    let transport = transport.name();
    let detail =
        format!("{name} streams, and the transport {transport} carries no streams: choose another");
    Err(Error::bad_request("micro.server", detail))
}

fn rpc(definitions: &[Definition], scope: Scope, wrappers: &Stack, pages: Pages) -> Result<Rpc> {
    let stats = Arc::new(Stats::new());
    let mut router = Router::default();
    for definition in definitions {
        router.add(definition)?;
    }
    let mut names: Vec<&str> = definitions
        .iter()
        .map(|definition| &*definition.name)
        .collect();
    names.sort_unstable();
    names.dedup();
    for name in names {
        let own = definitions.iter().filter(|own| own.name == name);
        let endpoints = own.flat_map(registration::endpoints).collect();
        router.add(&debug::definition(name, Arc::clone(&stats), endpoints))?;
    }
    for definition in grpc::definitions(definitions, &pages.health, &scope.leaving) {
        router.add_standard(&definition)?;
    }
    Ok(Rpc::new(router, scope, stats, wrappers, pages))
}

impl Server {
    /// Listens, subscribes, and announces, in this order: who finds a node must be answered.
    ///
    /// # Errors
    ///
    /// What could not be bound, subscribed or registered, by name.
    pub(crate) async fn start(
        definitions: Vec<Definition>,
        parts: Parts,
        options: Options,
        wrappers: &Wrappers,
        checks: Vec<Check>,
    ) -> Result<Self> {
        let scope = Scope::default();
        let health = Health::new(checks, options.check_timeout);
        let pages = Pages {
            metrics: parts.metrics.clone(),
            health: health.clone(),
            openapi: Some(definition::openapi(&definitions, &options.version)),
        };
        let rpc = rpc(&definitions, scope.clone(), &wrappers.handlers, pages)?;
        let accept: Arc<dyn Accept> = Arc::new(rpc.clone());
        can_carry(&*parts.transport, &definitions)?;
        let bind = registry::bind(&*parts.registry, &options.address);
        let listener: Arc<dyn Listener> = parts.transport.listen(bind, accept).await?.into();
        if let Some(metrics) = &parts.metrics {
            metrics.add(&listener);
        }
        tracing::info!(
            transport = parts.transport.name(),
            "Listening on {}",
            listener.address()
        );
        let mut subscriptions = Vec::new();
        for definition in &definitions {
            for subscriber in &definition.subscribers {
                let (service, round) = (definition.name.clone(), &wrappers.subscribers);
                let consumer =
                    subscriber.consumer(service, round, scope.clone(), parts.metrics.clone());
                subscriptions.push(subscriber.subscribe(&*parts.broker, consumer).await?);
                tracing::info!("Subscribing to topic: {}", subscriber.topic);
            }
        }
        if !subscriptions.is_empty() {
            let broker = &parts.broker;
            tracing::info!("Broker {}: {}", broker.name(), broker.capabilities());
        }
        let records = registration::records(
            &definitions,
            &identity(&parts, &options, listener.address()),
        );
        otlp::started(&records);
        let (ttl, interval) = (options.register_ttl, options.register_interval);
        for node in records.iter().flat_map(|service| &service.nodes) {
            say_where(&*parts.registry, &node.id);
        }
        let registration =
            Registration::start(Arc::clone(&parts.registry), records, ttl, interval).await?;
        health.set_registered(true);
        Ok(Self {
            rpc,
            scope,
            listener,
            subscriptions,
            registration: Some(registration),
            health,
            options,
        })
    }

    /// Where it listens, with the real port.
    pub(crate) fn address(&self) -> &str {
        self.listener.address()
    }

    /// Says that it is no longer ready, to whoever asks.
    pub(crate) fn unready(&self) {
        self.health.set_registered(false);
    }

    /// Takes the records back and the subscriptions, so that nothing new comes but from who knows this node.
    pub(crate) async fn leave(&mut self) {
        self.deregister().await;
        self.subscriptions.iter().for_each(Subscription::leave);
    }

    /// Waits for what runs, refuses the rest, and closes.
    pub(crate) async fn finish(&mut self) {
        self.rpc.refuse();
        self.drain().await;
    }

    async fn deregister(&mut self) {
        if let Some(mut registration) = self.registration.take() {
            for service in registration.services() {
                for node in &service.nodes {
                    tracing::info!("Deregistering node: {}", node.id);
                }
            }
            registration.end().await;
        }
    }

    /// Deregisters, lingers, refuses new calls, waits for those in flight, and closes.
    pub(crate) async fn stop(&mut self) {
        self.leave().await;
        tokio::time::sleep(self.options.linger).await;
        self.finish().await;
    }

    async fn drain(&mut self) {
        self.scope.leaving.cancel();
        self.scope.tasks.close();
        let (tasks, listener) = (self.scope.tasks.clone(), &self.listener);
        let drained = async {
            tasks.wait().await;
            listener.drain().await;
        };
        let drained = tokio::time::timeout(self.options.drain, async {
            tokio::join!(drained, ended(&mut self.subscriptions));
        });
        if drained.await.is_err() {
            tracing::warn!(
                "calls or messages were still running after {:?}: ended",
                self.options.drain
            );
        }
        self.close();
        // What was cut short goes back to its group, or is parked.
        let _ = tokio::time::timeout(GIVE_BACK, ended(&mut self.subscriptions)).await;
    }

    /// Ends everything at once.
    pub(crate) fn close(&self) {
        self.scope.stop.cancel();
        self.listener.close();
    }
}

async fn ended(subscriptions: &mut [Subscription]) {
    join_all(subscriptions.iter_mut().map(Subscription::ended)).await;
}

fn identity(parts: &Parts, options: &Options, bound: &str) -> Identity {
    let address = registry::advertised(&*parts.registry, bound, options.advertise.as_deref());
    let facts = [
        ("server", "mucp"),
        ("protocol", "mucp"),
        ("transport", parts.transport.name()),
        ("broker", parts.broker.name()),
    ];
    let mut metadata: BTreeMap<String, String> = facts
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let facts = parts.transport.facts().iter();
    metadata.extend(facts.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    metadata.insert("registry".to_owned(), parts.registry.name().to_owned());
    metadata.extend(options.metadata.clone());
    Identity {
        id: options.id.clone(),
        address,
        version: options.version.clone(),
        metadata,
    }
}
