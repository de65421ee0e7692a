//! Consul as the registry: one service instance for each node, kept alive by a check.

mod client;
mod record;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use hyper::Method;
use serde::de::{DeserializeOwned, IgnoredAny};
use tokio::sync::Semaphore;

use self::client::{Answer, Ask, Client};
use self::record::{Found, Registered, versions};
use super::record::by_version;
use super::{Action, Backend, Event, Node, Options, Registry, Service, Watcher};
use crate::error::{Error, Result};

const ID: &str = "micro.registry.consul";

/// Where the agent is if nobody says.
const ADDRESS: &str = "127.0.0.1:8500";

/// How long the agent waits for a change before it says that there was none.
const WAIT: Duration = Duration::from_secs(55);

/// The same where so many services are watched that they take turns.
const BRIEF: Duration = Duration::from_millis(100);

/// How many questions may wait at once: Consul takes 200 connections of one client. Those of the first kind wait long, the
/// others briefly, in turns.
const LONG: usize = 100;
const TURNS: usize = 50;

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
/// Watching all services asks for each of them once one has changed; watching one is a question that waits for a change. Of a
/// hundred services a change is heard at once; where a client calls more, the others take turns, and of a thousand a
/// change is heard within about 2 s.
#[derive(Clone)]
pub struct ConsulRegistry(Arc<Shared>);

struct Shared {
    client: Client,
    /// What names begin with.
    prefix: String,
    /// What was announced here, by node id.
    own: Mutex<HashMap<String, Bytes>>,
    /// Places for questions that wait.
    long: Semaphore,
    turns: Semaphore,
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
            client: Client::new(&options.addresses, &options.tls)?,
            prefix,
            own: Mutex::default(),
            long: Semaphore::new(LONG),
            turns: Semaphore::new(TURNS),
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
        let name = format!("{}{}", self.0.prefix, service.name);
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

    /// One record for each node of `name`; of those that are not well, one without it. Waits for what is newer than `index`.
    async fn nodes(&self, name: &str, index: u64) -> Result<Answer<Vec<Service>>> {
        let path = format!(
            "/v1/health/service/{}{}?stale",
            escaped(&self.0.prefix),
            escaped(name)
        );
        let found: Answer<Vec<Found>> = self.ask(path, index).await?;
        let records = found.value.into_iter().map(|found| found.into_record(name));
        Ok(Answer {
            value: records.collect(),
            index: found.index,
        })
    }

    /// The names of all services and their tags. Waits for what is newer than `index`.
    async fn names(&self, index: u64) -> Result<Answer<BTreeMap<String, Vec<String>>>> {
        let answer: Answer<BTreeMap<String, Vec<String>>> = self
            .ask("/v1/catalog/services?stale".to_owned(), index)
            .await?;
        let named = answer.value.into_iter().filter_map(|(name, tags)| {
            let name = name.strip_prefix(&self.0.prefix)?.to_owned();
            (name != ITSELF).then_some((name, tags))
        });
        Ok(Answer {
            value: named.collect(),
            index: answer.index,
        })
    }

    async fn ask<T: DeserializeOwned>(&self, mut path: String, index: u64) -> Result<Answer<T>> {
        if index == 0 {
            return self.0.client.get(&path, Duration::ZERO).await;
        }
        let (wait, _place) = match self.0.long.try_acquire() {
            Ok(place) => (WAIT, Some(place)),
            // It is never closed.
            Err(_) => (BRIEF, self.0.turns.acquire().await.ok()),
        };
        path.push_str(&format!("&index={index}&wait={}ms", wait.as_millis()));
        let mut answer: Answer<T> = self.0.client.get(&path, wait).await?;
        // It began anew, and what is there is news.
        if answer.index < index {
            answer.index = 1;
        }
        Ok(answer)
    }

    /// All nodes that are well, of `name` or of all. Waits for what is newer than `index`.
    async fn known(&self, name: Option<&str>, index: u64) -> Result<(Known, u64)> {
        let Some(name) = name else {
            return self.all(index).await;
        };
        let Answer { value, index } = self.nodes(name, index).await?;
        Ok((known(value), index))
    }

    /// As [`known`](Self::known), of all services: a node that comes is news of the catalog, one that is not well of checks.
    async fn all(&self, index: u64) -> Result<(Known, u64)> {
        let checks = self.ask::<IgnoredAny>("/v1/health/state/any?stale".to_owned(), index);
        let index = match index {
            0 => checks.await?.index.max(self.names(0).await?.index),
            _ => tokio::select! {
                checks = checks => checks?.index,
                names = self.names(index) => names?.index,
            },
        };
        let mut all = Known::new();
        for name in self.names(0).await?.value.into_keys() {
            all.extend(known(self.nodes(&name, 0).await?.value));
        }
        Ok((all, index))
    }
}

/// Records of one node each, by name and node.
type Known = BTreeMap<(String, String), Service>;

fn known(records: Vec<Service>) -> Known {
    let named = records.into_iter().filter_map(|record| {
        let node = record.nodes.first()?.id.clone();
        Some(((record.name.clone(), node), record))
    });
    named.collect()
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
        let records = self.nodes(name, 0).await?.value;
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
        let named = self.names(0).await?.value;
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
        let name = name.map(str::to_owned);
        let (known, index) = self.known(name.as_deref(), 0).await?;
        let watch = Watch {
            registry: self.clone(),
            name,
            known,
            index,
            events: VecDeque::new(),
        };
        let events = stream::unfold(Some(watch), |watch| async {
            let mut watch = watch?;
            match watch.next().await {
                Ok(event) => Some((Ok(event), Some(watch))),
                Err(error) => Some((Err(error), None)),
            }
        });
        Ok(events.boxed())
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

/// What a watcher has seen.
struct Watch {
    registry: ConsulRegistry,
    name: Option<String>,
    known: Known,
    index: u64,
    events: VecDeque<Event>,
}

impl Watch {
    async fn next(&mut self) -> Result<Event> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Ok(event);
            }
            let (now, index) = self
                .registry
                .known(self.name.as_deref(), self.index)
                .await?;
            let before = std::mem::replace(&mut self.known, now);
            self.index = index;
            self.compare(before);
        }
    }

    fn compare(&mut self, mut before: Known) {
        for (key, service) in &self.known {
            let action = match before.remove(key) {
                Some(known) if known == *service => continue,
                Some(_) => Action::Update,
                None => Action::Create,
            };
            let service = service.clone();
            self.events.push_back(Event { action, service });
        }
        let action = Action::Delete;
        let gone = before
            .into_values()
            .map(|service| Event { action, service });
        self.events.extend(gone);
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
