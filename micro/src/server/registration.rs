//! Announces a server's services and keeps them announced.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::definition::Definition;
use super::handler::Facts;
use crate::codec::Outline;
use crate::error::Result;
use crate::registry::{Endpoint, Node, Registry, Service, Value};

/// How long taking back a registration may hold up a stopping server.
const DEREGISTER: Duration = Duration::from_secs(2);

/// The records of one server in its registry, renewed until they are taken back.
#[derive(Debug)]
pub(crate) struct Registration {
    registry: Arc<dyn Registry>,
    services: Arc<[Service]>,
    stop: CancellationToken,
    heartbeat: JoinHandle<()>,
}

impl Registration {
    /// Announces `services` for `ttl` now and every `interval`, and in time before the `ttl` is over.
    ///
    /// A `ttl` of zero is one without end, an `interval` of zero renews nothing: both as in go-micro.
    ///
    /// # Errors
    ///
    /// The registry's, if the first announcement failed; later ones are logged and tried again.
    pub(crate) async fn start(
        registry: Arc<dyn Registry>,
        services: Vec<Service>,
        ttl: Duration,
        interval: Duration,
    ) -> Result<Self> {
        let services: Arc<[Service]> = services.into();
        let interval = interval.min(if ttl.is_zero() {
            Duration::MAX
        } else {
            ttl / 3
        });
        let ttl = (!ttl.is_zero()).then_some(ttl);
        for (done, service) in services.iter().enumerate() {
            let to = registry.describe();
            for node in &service.nodes {
                tracing::info!(registry = %to, "Registering node: {}", node.id);
            }
            if let Err(error) = registry.register(service, ttl).await {
                take_back(&*registry, &services[..done]).await;
                let context = format!("cannot register {} with {to}", service.name);
                return Err(error.within(context));
            }
        }
        let stop = CancellationToken::new();
        let heartbeat = tokio::spawn(beat(
            Arc::clone(&registry),
            Arc::clone(&services),
            ttl,
            interval,
            stop.clone(),
        ));
        Ok(Self {
            registry,
            services,
            stop,
            heartbeat,
        })
    }

    /// Ends the heartbeat, then takes the records back; waits at most 2 s for the registry.
    pub(crate) async fn end(&mut self) {
        // The heartbeat ends first: it must not announce again what is taken back here.
        self.stop.cancel();
        if let Err(error) = (&mut self.heartbeat).await
            && error.is_panic()
        {
            tracing::error!(%error, "the heartbeat failed");
        }
        take_back(&*self.registry, &self.services).await;
    }
}

/// Takes the records of `services` back, if the registry answers in time.
async fn take_back(registry: &dyn Registry, services: &[Service]) {
    let all = async {
        for service in services {
            for node in &service.nodes {
                tracing::info!(registry = %registry.describe(), "Deregistering node: {}", node.id);
            }
            if let Err(error) = registry.deregister(service).await {
                tracing::warn!(service = service.name, %error, "cannot deregister");
            }
        }
    };
    if tokio::time::timeout(DEREGISTER, all).await.is_err() {
        tracing::warn!(registry = %registry.describe(), "the registry does not answer: left registered");
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn beat(
    registry: Arc<dyn Registry>,
    services: Arc<[Service]>,
    ttl: Option<Duration>,
    interval: Duration,
    stop: CancellationToken,
) {
    if interval.is_zero() {
        return;
    }
    while stop
        .run_until_cancelled(tokio::time::sleep(interval))
        .await
        .is_some()
    {
        for service in &*services {
            let renewed = stop
                .run_until_cancelled(registry.register(service, ttl))
                .await;
            if let Some(Err(error)) = renewed {
                tracing::warn!(service = service.name, %error, "cannot renew the registration, trying again");
            }
        }
    }
}

/// What is the same for all services of one server.
#[derive(Debug)]
pub(crate) struct Identity {
    pub(crate) id: String,
    pub(crate) address: String,
    pub(crate) version: String,
    pub(crate) metadata: BTreeMap<String, String>,
}

/// One record for each service name that `definitions` offer something under.
pub(crate) fn records(definitions: &[Definition], identity: &Identity) -> Vec<Service> {
    let mut services: Vec<Service> = Vec::new();
    for definition in definitions {
        let place = services
            .iter()
            .position(|service| service.name == definition.name)
            .unwrap_or_else(|| {
                services.push(empty(definition, identity));
                services.len() - 1
            });
        let service = &mut services[place];
        service.metadata.extend(definition.metadata.clone());
        if !definition.version.is_empty() {
            service.version = definition.version.to_string();
        }
        service.endpoints.extend(endpoints(definition));
    }
    services
}

fn empty(definition: &Definition, identity: &Identity) -> Service {
    Service {
        name: definition.name.to_string(),
        version: identity.version.clone(),
        metadata: BTreeMap::new(),
        endpoints: Vec::new(),
        nodes: vec![Node {
            id: format!("{}-{}", definition.name, identity.id),
            address: identity.address.clone(),
            metadata: identity.metadata.clone(),
        }],
    }
}

/// What is announced of the endpoints and subscribers of `definition`.
pub(super) fn endpoints(definition: &Definition) -> impl Iterator<Item = Endpoint> {
    let handlers = definition.endpoints.iter().map(|(name, handler)| Endpoint {
        name: name.to_string(),
        request: handler.facts.request.clone().map(value),
        response: handler.facts.response.clone().map(value),
        metadata: facts(&handler.facts),
    });
    let subscribers = definition.subscribers.iter().map(|subscriber| Endpoint {
        name: subscriber.topic.to_string(),
        request: subscriber.event.clone().map(value),
        response: None,
        metadata: BTreeMap::from([
            ("subscriber".to_owned(), "true".to_owned()),
            ("topic".to_owned(), subscriber.topic.to_string()),
        ]),
    });
    handlers.chain(subscribers)
}

fn facts(facts: &Facts) -> BTreeMap<String, String> {
    let types: Vec<&str> = facts.content_types.iter().map(|own| own.as_str()).collect();
    let mut pairs = BTreeMap::from([("content_types".to_owned(), types.join(","))]);
    let flags = [
        ("stream", facts.streams),
        ("idempotent", facts.idempotent),
        ("blocking", facts.blocking),
    ];
    pairs.extend(
        flags
            .into_iter()
            .filter(|(_, set)| *set)
            .map(|(name, _)| (name.to_owned(), "true".to_owned())),
    );
    // Nanoseconds, as the `Timeout` header.
    pairs.extend(
        facts
            .timeout
            .map(|timeout| ("timeout".to_owned(), timeout.as_nanos().to_string())),
    );
    if !facts.description.is_empty() {
        pairs.insert("description".to_owned(), facts.description.to_owned());
    }
    pairs
}

fn value(outline: Outline) -> Value {
    let Outline { name, kind, values } = outline;
    Value {
        name,
        kind,
        values: values.into_iter().map(value).collect(),
    }
}
