//! Consul as the registry: one service instance for each node, kept alive by a check.

mod client;
mod news;
mod record;
mod watch;

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use hyper::Method;
use serde::de::{DeserializeOwned, IgnoredAny};
use tokio::sync::Semaphore;

use self::client::{Answer, Ask, Client};
use self::news::{Listener, News};
use self::record::{Found, Registered, versions};
use self::watch::known;
use super::record::by_version;
use super::{Backend, Node, Options, Registry, Service, Watcher};
use crate::error::{Error, Result};

const ID: &str = "micro.registry.consul";

/// Where the agent is if nobody says.
const ADDRESS: &str = "127.0.0.1:8500";

/// How many services are asked for at once: Consul takes 200 connections of a host, on which others may be.
const PLACES: usize = 32;

/// Consul's own service.
const ITSELF: &str = "consul";

inventory::submit! {
    Backend { names: &["consul"], open: |options| Ok(Arc::new(ConsulRegistry::new(options)?)) }
}

/// Nodes in Consul, in go-micro's form: chosen by `--registry=consul`.
///
/// `--registry_address` names the agent, or several that are tried in turn, each for up to 5 s: `host:port` or
/// `http://TOKEN@host:port`; `127.0.0.1:8500` if it is not given. With `https://` they are spoken to in TLS, which takes the
/// program's `--tls_ca_file` and, to prove who it is, its `--tls_cert_file`. The token may be named by `CONSUL_HTTP_TOKEN`, too.
///
/// A node is an instance of the service, whose version, metadata and endpoints are tags as go-micro writes them; instances of
/// others, without such tags, are found, too. With a `ttl` it has a check of that time, which renewing passes; 65 s after
/// it was last passed, or 5 s after its `ttl` if that is longer, Consul forgets it. An agent that has lost it, or was emptied, is told of it anew.
/// Nodes whose checks are critical are not found. A namespace stands before the name: `NAMESPACE.SERVICE`.
///
/// However much is watched, two questions wait for changes: of the checks, which tell whose they are, and of the catalog,
/// after which each service that is watched is asked for, 32 at a time and four times a second at most. Reading takes the
/// leader of a cluster, and its nearest server while there is none.
#[derive(Clone)]
pub struct ConsulRegistry(Arc<Shared>);

struct Shared {
    client: Arc<Client>,
    /// What names begin with.
    prefix: String,
    /// What was announced here, by node id.
    own: Mutex<HashMap<String, Bytes>>,
    /// For those that ask for services.
    places: Semaphore,
    news: News,
}

impl ConsulRegistry {
    /// The Consul that `options` name. Nothing is connected yet.
    ///
    /// # Errors
    ///
    /// `bad_request` if an address or the token is none, or if a file that the TLS options name cannot be read.
    pub fn new(options: &Options) -> Result<Self> {
        let prefix = match &*options.namespace {
            "" => String::new(),
            namespace => format!("{namespace}."),
        };
        Ok(Self(Arc::new(Shared {
            client: Arc::new(Client::new(&options.addresses, &options.tls)?),
            prefix,
            own: Mutex::default(),
            places: Semaphore::new(PLACES),
            news: News::default(),
        })))
    }

    fn own(&self) -> MutexGuard<'_, HashMap<String, Bytes>> {
        self.0.own.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn put(&self, path: &str, body: Bytes) -> Result<()> {
        let ask = Ask {
            method: Method::PUT,
            path,
            body,
            wait: Duration::ZERO,
        };
        self.0.client.send(ask).await.map(drop)
    }

    async fn announce(&self, service: &Service, node: &Node, ttl: Option<Duration>) -> Result<()> {
        let id = escaped(&node.id);
        let name = self.full(&service.name);
        let body = serde_json::to_vec(&Registered::new(name, service, node, ttl));
        let body: Bytes = body
            .map_err(|source| {
                Error::internal(ID, "a record cannot be written").with_source(source)
            })?
            .into();
        let is_known = self.own().get(&node.id) == Some(&body);
        if is_known {
            let kept = match ttl {
                Some(_) => {
                    self.put(&format!("/v1/agent/check/pass/service:{id}"), Bytes::new())
                        .await
                }
                None => {
                    let path = format!("/v1/agent/service/{id}");
                    self.0
                        .client
                        .get::<IgnoredAny>(&path, Duration::ZERO)
                        .await
                        .map(drop)
                }
            };
            match kept {
                Ok(()) => return Ok(()),
                // The agent has lost it, or says so as older ones do.
                Err(error) if error.code() == 404 || error.detail().contains("nknown check") => {}
                Err(error) => return Err(error),
            }
        }
        self.put("/v1/agent/service/register", body.clone()).await?;
        if ttl.is_some() {
            self.put(&format!("/v1/agent/check/pass/service:{id}"), Bytes::new())
                .await?;
        }
        self.own().insert(node.id.clone(), body);
        Ok(())
    }

    /// What Consul calls the service.
    fn full(&self, name: &str) -> String {
        format!("{}{name}", self.0.prefix)
    }

    /// What is told to those who watch.
    async fn news(&self) -> Result<Listener> {
        self.0.news.listen(&self.0.client).await
    }

    /// One record for each node of `name`; of those that are not well, one without it.
    async fn nodes(&self, name: &str) -> Result<Vec<Service>> {
        // It is never closed.
        let _place = self.0.places.acquire().await.ok();
        let path = format!("/v1/health/service/{}", escaped(&self.full(name)));
        let found: Vec<Found> = self.read(&path).await?;
        Ok(found
            .into_iter()
            .map(|found| found.into_record(name))
            .collect())
    }

    /// The names of all services and their tags.
    async fn names(&self) -> Result<BTreeMap<String, Vec<String>>> {
        let all: BTreeMap<String, Vec<String>> = self.read("/v1/catalog/services").await?;
        let prefix = &self.0.prefix;
        let named = all.into_iter().filter_map(|(name, tags)| {
            let is_ours = !prefix.is_empty() || name != ITSELF;
            let name = name.strip_prefix(prefix)?.to_owned();
            is_ours.then_some((name, tags))
        });
        Ok(named.collect())
    }

    /// What the leader answers, where all that was news is; while there is none, what the nearest server does.
    async fn read<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        let client = &self.0.client;
        let read = match client.get(path, Duration::ZERO).await {
            Err(error) if error.code() == 503 => {
                client.get(&format!("{path}?stale"), Duration::ZERO).await
            }
            read => read,
        };
        read.map(|answer: Answer<T>| answer.value)
    }

    /// One record for each node of `name` or of all, as of now; of those that are not well, one without it.
    async fn records(&self, name: Option<&str>) -> Result<Vec<Service>> {
        if let Some(name) = name {
            return self.nodes(name).await;
        }
        let names = self.names().await?.into_keys();
        let nodes = names.map(|name| async move { self.nodes(&name).await });
        let all = stream::iter(nodes).buffer_unordered(PLACES);
        Ok(all.try_collect::<Vec<_>>().await?.concat())
    }
}

#[async_trait]
impl Registry for ConsulRegistry {
    async fn register(&self, service: &Service, ttl: Option<Duration>) -> Result<()> {
        for node in &service.nodes {
            self.announce(service, node, ttl).await?;
        }
        Ok(())
    }

    async fn deregister(&self, service: &Service) -> Result<()> {
        for node in &service.nodes {
            let path = format!("/v1/agent/service/deregister/{}", escaped(&node.id));
            match self.put(&path, Bytes::new()).await {
                Err(error) if error.code() != 404 => return Err(error),
                _ => drop(self.own().remove(&node.id)),
            }
        }
        Ok(())
    }

    async fn get(&self, name: &str) -> Result<Vec<Service>> {
        let records = self.nodes(name).await?;
        if records.is_empty() {
            return Err(Error::not_found(
                ID,
                format!("Consul knows no service {name}"),
            ));
        }
        // One that was told to two agents is there twice; a service without a node that is well is a record, too.
        let well = known(records.clone());
        Ok(match well.is_empty() {
            true => by_version(records.iter()),
            false => by_version(well.values()),
        })
    }

    async fn list(&self) -> Result<Vec<Service>> {
        let named = self.names().await?;
        let records = named.into_iter().flat_map(|(name, tags)| {
            versions(&tags).into_iter().map(move |version| Service {
                name: name.clone(),
                version,
                ..Service::default()
            })
        });
        Ok(records.collect())
    }

    async fn watch(&self, name: Option<&str>) -> Result<Watcher> {
        watch::watch(self.clone(), name).await
    }

    fn describe(&self) -> String {
        format!("consul at {}", self.0.client.addresses())
    }

    fn name(&self) -> &'static str {
        "consul"
    }
}

impl fmt::Debug for ConsulRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ConsulRegistry({})", self.0.client.addresses())
    }
}

/// A part of a path.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                escaped.push(char::from(byte))
            }
            _ => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    escaped
}
