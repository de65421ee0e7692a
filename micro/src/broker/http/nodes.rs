//! Which nodes a message is for, and how each is announced.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::Inner;
use super::inbox::{Entry, PATHS};
use crate::broker::Scheme;
use crate::error::{Error, Result};
use crate::registry::{Candidate, Node, Service, Snapshot};

/// The version of those who are not in a group.
pub(super) const BROADCAST: &str = "ff.http.broadcast";

/// What a node of ours says of itself, beside what those of go-micro say.
const PARKS: &str = "parks";

/// How long a service may take to be followed that the registry knows.
const FOLLOW: Duration = Duration::from_secs(2);

/// The length of the last part of a node's id, which its names in all schemes share.
const UNIQUE: usize = 36;

/// A node that listens to the topic.
#[derive(Clone)]
pub(super) struct Target {
    pub(super) id: String,
    /// The group, or [`BROADCAST`].
    pub(super) version: String,
    pub(super) address: String,
    pub(super) path: &'static str,
    /// True if it keeps what was parked, as ours do.
    pub(super) parks: bool,
    /// What the registry knows of it; nothing if it is of this process and was not seen there yet.
    pub(super) candidate: Option<Arc<Candidate>>,
}

impl Target {
    /// True if it did not take the last message.
    pub(super) fn is_ejected(&self) -> bool {
        let seen = self.candidate.as_ref();
        seen.is_some_and(|candidate| candidate.is_ejected())
    }
}

/// How the subscribers of `topic` are called in the registry.
fn service(scheme: Scheme, topic: &str) -> Cow<'_, str> {
    match scheme {
        Scheme::V0 => Cow::Owned(format!("topic:{topic}")),
        Scheme::V1_13 => Cow::Borrowed(topic),
        Scheme::V1_18 => Cow::Borrowed("go.micro.http.broker"),
        Scheme::V2 => Cow::Borrowed("micro.http.broker"),
    }
}

fn path(scheme: Scheme) -> &'static str {
    match scheme {
        Scheme::V2 => PATHS[0],
        _ => PATHS[1],
    }
}

/// True if a node of that name listens to `topic`: some names are those of other topics, too, or of services.
fn listens(scheme: Scheme, node: &Node, topic: &str) -> bool {
    scheme == Scheme::V0 || says(node, "broker", "http") && says(node, "topic", topic)
}

fn says(node: &Node, name: &str, value: &str) -> bool {
    node.metadata.get(name).is_some_and(|own| own == value)
}

/// The record of one subscription; `unique` is the last part of its node's id.
pub(super) fn record(
    scheme: Scheme,
    topic: &str,
    version: &str,
    address: &str,
    unique: &str,
    is_secure: bool,
) -> Service {
    let id = match scheme {
        Scheme::V0 | Scheme::V1_13 => format!("broker-{unique}.{unique}"),
        Scheme::V1_18 | Scheme::V2 => format!("{topic}-{unique}"),
    };
    let mut facts = BTreeMap::from([
        ("secure", if is_secure { "true" } else { "false" }),
        (PARKS, "true"),
    ]);
    if scheme != Scheme::V0 {
        facts.extend([("broker", "http"), ("topic", topic)]);
    }
    let facts = facts.into_iter();
    let facts = facts.map(|(name, value)| (name.to_owned(), value.to_owned()));
    Service {
        name: service(scheme, topic).into_owned(),
        version: version.to_owned(),
        metadata: BTreeMap::new(),
        endpoints: Vec::new(),
        nodes: vec![Node {
            id,
            address: address.to_owned(),
            metadata: facts.collect(),
        }],
    }
}

impl Inner {
    /// The nodes that listen to `topic`, each once.
    ///
    /// # Errors
    ///
    /// `unavailable` if the registry cannot be reached and nothing is known of them.
    pub(super) async fn targets(&self, topic: &str) -> Result<Vec<Target>> {
        self.settle().await?;
        let mut targets = Vec::new();
        for scheme in self.schemes.iter().copied() {
            let Some(snapshot) = self.snapshot(&service(scheme, topic)).await? else {
                continue;
            };
            let listening = snapshot
                .candidates
                .iter()
                .filter(|own| listens(scheme, &own.node, topic));
            targets.extend(listening.map(|candidate| Target {
                id: candidate.node.id.clone(),
                version: candidate.version.clone(),
                address: candidate.node.address.clone(),
                path: path(scheme),
                parks: says(&candidate.node, PARKS, "true"),
                candidate: Some(Arc::clone(candidate)),
            }));
        }
        // What just subscribed here is listening, whether or not the registry has said so.
        targets.extend(self.entries.of(topic).into_iter().map(own));
        let mut seen = std::collections::HashSet::new();
        targets.retain(|target| seen.insert((target.address.clone(), unique(&target.id))));
        Ok(targets)
    }

    /// Passes a node over that did not take a message.
    pub(super) fn eject(&self, target: &Target) {
        if let Some(candidate) = &target.candidate {
            self.cache.eject(candidate);
        }
    }

    /// Waits for what the registry finds at first, so that the first message misses nobody.
    async fn settle(&self) -> Result<()> {
        let listed = self
            .settled
            .get_or_try_init(async || self.cache.registry().list().await.map(drop));
        listed.await.map(drop).map_err(unknown)
    }

    /// The nodes of `name`, if there are any.
    async fn snapshot(&self, name: &str) -> Result<Option<Arc<Snapshot>>> {
        if let Some(snapshot) = self.cache.peek(name) {
            return Ok(Some(snapshot));
        }
        match self.cache.registry().get(name).await {
            Ok(services) if services.iter().any(|service| !service.nodes.is_empty()) => {
                let followed = self.cache.snapshot(name, FOLLOW).await;
                followed.map(Some).map_err(unknown)
            }
            Ok(_) => Ok(None),
            Err(error) if error.code() == 404 => Ok(None),
            Err(error) => Err(unknown(error)),
        }
    }
}

fn unknown(error: Error) -> Error {
    error.within("who listens cannot be found out")
}

fn own(entry: Entry) -> Target {
    Target {
        id: entry.node.id,
        version: entry.version,
        address: entry.node.address,
        path: PATHS[0],
        parks: true,
        candidate: None,
    }
}

fn unique(id: &str) -> String {
    let start = id.len().saturating_sub(UNIQUE);
    id.get(start..).unwrap_or(id).to_owned()
}
