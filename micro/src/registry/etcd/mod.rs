//! etcd (API v3) as the registry: one key for each node, under a lease.

mod client;
mod messages;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use self::client::Client;
use self::messages::{
    Change, Delete, Done, Found, Grant, Granted, Lease, Pair, Put, Range, Watch, WatchCreate,
    Watched,
};
use super::record::by_version;
use super::{Action, Backend, Event, Node, Options, Registry, Service, Watcher};
use crate::error::{Error, Result};

const ID: &str = "micro.registry.etcd";

/// Where etcd is if nobody says.
const ADDRESS: &str = "127.0.0.1:2379";

/// How many nodes are asked for at once, and how many are read at most.
const PAGE: usize = 500;
const MOST: usize = 200_000;

inventory::submit! {
    Backend { names: &["etcd", "etcdv3"], open: |options| Ok(Arc::new(EtcdRegistry::new(options)?)) }
}

/// Nodes in an etcd cluster (API v3, etcd 3.4 and later), in go-micro's form: chosen by `--registry=etcd` or `etcdv3`.
///
/// `--registry_address` names the members, each `host:port` or `http://user:password@host:port`; `127.0.0.1:2379` if it
/// is not given. They are tried in turn, each for up to 5 s. With `https://` they are spoken to in TLS, which takes the
/// program's `--tls_ca_file` and, to prove who it is, its `--tls_cert_file`. The user may be named by `ETCD_USERNAME` and
/// `ETCD_PASSWORD`, too, as in go-micro.
///
/// A node is the key `/micro/registry/SERVICE/NODE`, a slash in either a dash; with a namespace, `/micro.NAMESPACE/…`.
/// Its value is the record of the service in JSON with this node alone, and it lives as long as its lease: the `ttl`, in
/// whole seconds, and at least what the cluster's election takes (2 s by default). Renewing keeps the lease alive;
/// one that is gone, because the cluster lost it or was emptied, is replaced, and the record written again.
/// Callers read at most 200,000 nodes.
pub struct EtcdRegistry {
    client: Arc<Client>,
    /// What all keys begin with; ends with a slash.
    prefix: String,
    own: Mutex<HashMap<String, Own>>,
}

/// A record that was written here.
#[derive(Clone)]
struct Own {
    lease: i64,
    record: Bytes,
    ttl: Option<Duration>,
}

impl EtcdRegistry {
    /// The cluster that `options` name. Nothing is connected yet.
    ///
    /// # Errors
    ///
    /// `bad_request` if an address is none, or if a file that the TLS options name cannot be read.
    pub fn new(options: &Options) -> Result<Self> {
        let prefix = match &*options.namespace {
            "" => "/micro/registry/".to_owned(),
            namespace => format!("/micro.{}/registry/", part(namespace)),
        };
        Ok(Self {
            client: Arc::new(Client::new(&options.addresses, &options.tls)?),
            prefix,
            own: Mutex::default(),
        })
    }

    fn key(&self, service: &str, node: &str) -> String {
        format!("{}{}/{}", self.prefix, part(service), part(node))
    }

    /// What the keys of `service`, or of all, begin with.
    fn start(&self, service: Option<&str>) -> String {
        service.map_or_else(
            || self.prefix.clone(),
            |service| format!("{}{}/", self.prefix, part(service)),
        )
    }

    fn own(&self) -> MutexGuard<'_, HashMap<String, Own>> {
        self.own.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Announces one node, whose record this is.
    async fn announce(&self, key: String, record: Bytes, ttl: Option<Duration>) -> Result<()> {
        let known = self.own().get(&key).cloned();
        if let Some(known) = known.filter(|known| known.record == record && known.ttl == ttl)
            && self.lives(&key, &known).await?
        {
            return Ok(());
        }
        let lease = match ttl {
            None => 0,
            Some(ttl) => self.grant(ttl).await?,
        };
        let put = Put {
            key: key.clone().into(),
            value: record.clone(),
            lease,
        };
        let _: Done = self.client.call("/etcdserverpb.KV/Put", &put).await?;
        let own = Own { lease, record, ttl };
        let before = self.own().insert(key, own);
        // The key has left it, so that nothing ends with it.
        if let Some(before) = before.filter(|before| before.lease != 0) {
            self.revoke(before.lease).await?;
        }
        Ok(())
    }

    /// True if the record is still there, and stays for another `ttl`.
    async fn lives(&self, key: &str, known: &Own) -> Result<bool> {
        if known.ttl.is_none() {
            let found = self.range(key.to_owned().into(), Bytes::new()).await?;
            return Ok(found.first().is_some_and(|pair| pair.value == known.record));
        }
        let lease = Lease { id: known.lease };
        let kept = self
            .client
            .call::<Granted>("/etcdserverpb.Lease/LeaseKeepAlive", &lease)
            .await;
        kept.map(|kept| kept.ttl > 0)
    }

    async fn grant(&self, ttl: Duration) -> Result<i64> {
        // A lease is of whole seconds, and one of none is no lease.
        let seconds = ttl.as_secs() + u64::from(ttl.subsec_nanos() > 0);
        let grant = Grant {
            ttl: i64::try_from(seconds.max(1)).unwrap_or(i64::MAX),
        };
        let granted: Granted = self
            .client
            .call("/etcdserverpb.Lease/LeaseGrant", &grant)
            .await?;
        Ok(granted.id)
    }

    async fn revoke(&self, id: i64) -> Result<()> {
        let revoked = self
            .client
            .call::<Done>("/etcdserverpb.Lease/LeaseRevoke", &Lease { id })
            .await;
        match revoked {
            // It is gone already.
            Err(error) if error.code() == 404 => Ok(()),
            revoked => revoked.map(drop),
        }
    }

    /// What is between `key` and `end` as of one moment; only what is at `key` if `end` is empty.
    async fn range(&self, key: Bytes, end: Bytes) -> Result<Vec<Pair>> {
        let mut range = Range {
            key,
            end,
            limit: PAGE as i64,
            revision: 0,
        };
        let mut pairs = Vec::new();
        loop {
            let mut found: Found = self.client.call("/etcdserverpb.KV/Range", &range).await?;
            let last = found.pairs.last().map(|pair| pair.key.clone());
            pairs.append(&mut found.pairs);
            let (true, Some(last)) = (found.more, last) else {
                return Ok(pairs);
            };
            if pairs.len() >= MOST {
                let detail = format!("etcd has more than {MOST} nodes at {}", self.prefix);
                return Err(Error::unavailable(ID, detail));
            }
            range.key = [&*last, b"\0"].concat().into();
            range.revision = found
                .head
                .map_or(range.revision, |head| match range.revision {
                    0 => head.revision,
                    revision => revision,
                });
        }
    }

    async fn services(&self, name: Option<&str>) -> Result<Vec<Service>> {
        let start = self.start(name);
        let pairs = self.range(start.clone().into(), end(&start)).await?;
        let services: Vec<_> = pairs.iter().filter_map(|pair| read(&pair.value)).collect();
        // Names that differ in a slash alone share keys.
        let wanted = services
            .iter()
            .filter(|service| name.is_none_or(|name| service.name == name));
        Ok(by_version(wanted))
    }
}

#[async_trait]
impl Registry for EtcdRegistry {
    async fn register(&self, service: &Service, ttl: Option<Duration>) -> Result<()> {
        for node in &service.nodes {
            let service = of_node(service, node);
            let record = serde_json::to_vec(&service);
            let record = record.map_err(|source| {
                Error::internal(ID, "a record cannot be written").with_source(source)
            })?;
            self.announce(self.key(&service.name, &node.id), record.into(), ttl)
                .await?;
        }
        Ok(())
    }

    async fn deregister(&self, service: &Service) -> Result<()> {
        for node in &service.nodes {
            let key = self.key(&service.name, &node.id);
            let own = self.own().get(&key).cloned();
            let delete = Delete {
                key: key.clone().into(),
            };
            let _: Done = self
                .client
                .call("/etcdserverpb.KV/DeleteRange", &delete)
                .await?;
            self.own().remove(&key);
            if let Some(own) = own.filter(|own| own.lease != 0) {
                self.revoke(own.lease).await?;
            }
        }
        Ok(())
    }

    async fn get(&self, name: &str) -> Result<Vec<Service>> {
        let services = self.services(Some(name)).await?;
        match services.is_empty() {
            true => Err(Error::not_found(
                ID,
                format!("etcd knows no service {name}"),
            )),
            false => Ok(services),
        }
    }

    async fn list(&self) -> Result<Vec<Service>> {
        self.services(None).await
    }

    async fn watch(&self, name: Option<&str>) -> Result<Watcher> {
        let start = self.start(name);
        let create = WatchCreate {
            end: end(&start),
            key: start.into(),
            previous: true,
            fragment: true,
        };
        let watch = Watch {
            create: Some(create),
        };
        // The first answer says that it is watched from now on.
        let answers = self
            .client
            .open::<Watched>("/etcdserverpb.Watch/Watch", &watch)
            .await?;
        let changes = answers.and_then(|answer| async move {
            match answer.canceled {
                true => Err(Error::unavailable(
                    ID,
                    format!("etcd ended the watch: {}", answer.reason),
                )),
                false => Ok(stream::iter(answer.changes.into_iter().map(Ok))),
            }
        });
        let name = name.map(str::to_owned);
        let events = changes.try_flatten().try_filter_map(move |change| {
            let event = event(change)
                .filter(|event| name.as_ref().is_none_or(|name| *name == event.service.name));
            std::future::ready(Ok(event))
        });
        Ok(events.boxed())
    }

    fn describe(&self) -> String {
        format!("etcd at {}", self.client.addresses())
    }

    fn name(&self) -> &'static str {
        "etcd"
    }
}

impl fmt::Debug for EtcdRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EtcdRegistry({})", self.client.addresses())
    }
}

/// A part of a key.
fn part(text: &str) -> String {
    text.replace('/', "-")
}

/// What stands behind all keys that begin with `start`, which ends in a slash.
fn end(start: &str) -> Bytes {
    let before = start.strip_suffix('/').unwrap_or(start);
    // It is the next character.
    format!("{before}0").into()
}

/// The record of one node alone.
fn of_node(service: &Service, node: &Node) -> Service {
    Service {
        name: service.name.clone(),
        version: service.version.clone(),
        metadata: service.metadata.clone(),
        endpoints: service.endpoints.clone(),
        nodes: vec![node.clone()],
    }
}

/// A record; others may write what is none.
fn read(value: &[u8]) -> Option<Service> {
    serde_json::from_slice(value)
        .inspect_err(|error| tracing::debug!(%error, "a value in etcd is no record of a service"))
        .ok()
}

/// What `change` means; `None` if nothing.
fn event(change: Change) -> Option<Event> {
    let value = |pair: Option<Pair>| pair.map(|pair| pair.value).unwrap_or_default();
    let (now, before) = (value(change.pair), value(change.previous));
    let (action, record) = match change.kind {
        0 if now == before => return None,
        0 if before.is_empty() => (Action::Create, now),
        0 => (Action::Update, now),
        _ => (Action::Delete, before),
    };
    let service = read(&record)?;
    Some(Event { action, service })
}

#[cfg(test)]
mod tests {
    use super::{Change, EtcdRegistry, Options, Pair, end, event};

    #[test]
    fn keys_are_those_of_go_micro() {
        let captured: serde_json::Value =
            serde_json::from_str(include_str!("../../../../tests/golden/registry.json")).unwrap();
        let vectors = captured["vectors"].as_array().unwrap();
        // The plugin of v1 wrote below another prefix, of which nothing is read.
        for (id, root) in [("etcd-key", "/micro/"), ("etcd-key-old", "/micro-")] {
            let vector = vectors.iter().find(|one| one["id"] == id).unwrap();
            let text = |name: &str| vector[name].as_str().unwrap();
            let registry = EtcdRegistry::new(&Options::default()).unwrap();

            let key = registry.key(text("service"), text("node"));

            assert_eq!(key, text("key").replacen(root, "/micro/", 1), "{id}");
        }
    }

    #[test]
    fn all_that_begins_with_a_slash_ends_before_the_next_character() {
        let end = end("/micro/registry/a/");

        assert!(end > b"/micro/registry/a/\xff"[..] && end < b"/micro/registry/aa"[..]);
    }

    #[test]
    fn what_is_no_record_or_no_change_is_no_event() {
        let pair = |value: &'static str| {
            Some(Pair {
                key: "key".into(),
                value: value.into(),
            })
        };
        let change = |kind, pair, previous| {
            event(Change {
                kind,
                pair,
                previous,
            })
        };
        let record = r#"{"name":"a","nodes":[{"id":"a-1"}]}"#;

        assert!(change(0, pair("junk"), None).is_none());
        assert!(change(0, pair(record), pair(record)).is_none());
        assert!(change(1, pair(""), None).is_none());
        assert!(change(0, pair(record), pair("{}")).is_some());
    }
}
