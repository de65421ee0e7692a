//! Several registries as one: all are told, and all are asked.
//!
//! `part` is one of them, `watch` what a watcher sees of all.

mod part;
mod watch;

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use tokio::time::{Instant, timeout_at};

use self::part::{Nodes, Part};
use super::record::by_version;
use super::{Backend, Capabilities, Options, Registry, Service, Watcher};
use crate::error::{Error, Result};

const ID: &str = "micro.registry.multi";

/// How long the first answer is waited for, and the others after it.
const FIRST: Duration = Duration::from_secs(4);
const OTHERS: Duration = Duration::from_secs(1);

inventory::submit! {
    Backend { names: &["multi"], open: |options| Ok(Arc::new(MultiRegistry::open(options)?)) }
}

/// Several registries as one: chosen by `--registry=multi`.
///
/// `--registry_address` names them, each `REGISTRY=ADDRESS`, or `REGISTRY` alone for where it is by default:
/// `consul=127.0.0.1:8500,mdns`. One that is named more than once has that many addresses. The namespace and TLS are those of all.
///
/// A node is announced to all; that one of them takes it is enough, the others are told again at the next heartbeat. What is
/// found is what any of them knows, and a node that several know is found once, as the first says that answers. `unavailable` is
/// what all are: of one that does not answer, what it said last holds. Once one has answered, the others are waited for 1 s; one
/// that did not answer is not waited for in the next 10 s.
#[derive(Clone)]
pub struct MultiRegistry(Arc<[Part]>);

impl MultiRegistry {
    /// These, the one whose word counts first.
    pub fn new(registries: impl IntoIterator<Item = Arc<dyn Registry>>) -> Self {
        Self(registries.into_iter().map(Part::new).collect())
    }

    /// Those that the addresses in `options` name.
    ///
    /// # Errors
    ///
    /// `bad_request` if there is none, or one is not in this program; those of each.
    pub fn open(options: &Options) -> Result<Self> {
        let mut named: Vec<(&str, Vec<String>)> = Vec::new();
        for entry in &options.addresses {
            let (name, address) = match entry.split_once('=') {
                Some((name, address)) => (name, Some(address.to_owned())),
                None => (&**entry, None),
            };
            match named.iter_mut().find(|(other, _)| *other == name) {
                Some((_, addresses)) => addresses.extend(address),
                None => named.push((name, address.into_iter().collect())),
            }
        }
        if named.is_empty() {
            let detail =
                "name the registries by --registry_address, such as consul=127.0.0.1:8500,mdns";
            return Err(Error::bad_request(ID, detail));
        }
        let opened = named.into_iter().map(|(name, addresses)| {
            let options = Options {
                addresses,
                ..options.clone()
            };
            backend(name)?(&options)
        });
        Ok(Self::new(opened.collect::<Result<Vec<_>>>()?))
    }

    fn parts(&self) -> impl Iterator<Item = &Part> {
        self.0.iter()
    }

    /// What each answers, in order. Those that are away are waited for only if it `is_patient`, or if no other answers.
    async fn ask<'a, T>(
        &'a self,
        is_patient: bool,
        calls: impl Iterator<Item = BoxFuture<'a, Result<T>>>,
    ) -> Vec<Result<T>> {
        let asked = calls.enumerate();
        let mut asked: FuturesUnordered<_> = asked
            .map(|(place, call)| async move { (place, call.await) })
            .collect();
        let mut answers: Vec<Option<Result<T>>> = self.parts().map(|_| None).collect();
        let (mut until, mut is_first) = (Instant::now() + FIRST, true);
        while let Ok(Some((place, answer))) = timeout_at(until, asked.next()).await {
            self.0[place].note(&answer);
            if is_first && !is_trouble(&answer) {
                is_first = false;
                until = until.min(Instant::now() + OTHERS);
            }
            answers[place] = Some(answer);
            let missing = self
                .parts()
                .zip(&answers)
                .filter(|(_, answer)| answer.is_none());
            let mut missing = missing.map(|(part, _)| part);
            if !is_first && !is_patient && !missing.any(Part::is_awaited) {
                break;
            }
        }
        let all = self.parts().zip(answers);
        let answers = all.map(|(part, answer)| {
            answer.unwrap_or_else(|| {
                let late = Err(part.late(ID));
                // One that was not waited for has had no time.
                if part.is_awaited() {
                    part.note(&late);
                }
                late
            })
        });
        answers.collect()
    }

    /// Has all do it that can; one is enough.
    async fn tell<'a>(
        &'a self,
        what: &'static str,
        tell: impl Fn(&'a Part) -> BoxFuture<'a, Result<()>>,
    ) -> Result<()> {
        let calls = self.parts().map(tell);
        let told = self.ask(true, calls).await;
        if told.iter().all(Result::is_err) {
            return Err(none(told));
        }
        for error in told.into_iter().filter_map(Result::err) {
            tracing::warn!(%error, "one of several registries did not {what}; it is told again at the next heartbeat");
        }
        Ok(())
    }

    /// What is known of `name` as of now, each node once: those that answer come first.
    fn known(&self, name: &str) -> Nodes {
        let mut nodes = Nodes::new();
        for is_away in [false, true] {
            for part in self.parts().filter(|part| part.is_away() == is_away) {
                for (id, record) in part.known(name) {
                    nodes.entry(id).or_insert(record);
                }
            }
        }
        nodes
    }
}

type Open = fn(&Options) -> Result<Arc<dyn Registry>>;

/// What opens the registry called `name`.
fn backend(name: &str) -> Result<Open> {
    let all = || inventory::iter::<Backend>.into_iter();
    let found = all().find(|row| row.names.contains(&name));
    found.map(|row| row.open).ok_or_else(|| {
        let mut known: Vec<_> = all().filter_map(|row| row.names.first().copied()).collect();
        known.sort_unstable();
        let known = known.join(", ");
        let detail = format!(
            "there is no registry {name:?} in this program to be one of several: write REGISTRY=ADDRESS of {known}"
        );
        Error::bad_request(ID, detail)
    })
}

fn is_trouble<T>(answer: &Result<T>) -> bool {
    answer.as_ref().is_err_and(|error| error.code() == 503)
}

/// What all of them say, none of which is of use: what is wrong with the question, if it is, else that none is there.
fn none<T>(answers: Vec<Result<T>>) -> Error {
    let mut errors: Vec<_> = answers.into_iter().filter_map(Result::err).collect();
    if let Some(place) = errors.iter().position(|error| error.code() != 503) {
        return errors.swap_remove(place);
    }
    let why: Vec<_> = errors.iter().map(Error::detail).collect();
    Error::unavailable(ID, format!("no registry answers: {}", why.join("; ")))
}

#[async_trait]
impl Registry for MultiRegistry {
    async fn register(&self, service: &Service, ttl: Option<Duration>) -> Result<()> {
        self.tell("take a node", |part| part.registry.register(service, ttl))
            .await
    }

    async fn deregister(&self, service: &Service) -> Result<()> {
        self.tell("take a node back", |part| part.registry.deregister(service))
            .await
    }

    async fn get(&self, name: &str) -> Result<Vec<Service>> {
        let calls = self.parts().map(|part| part.registry.get(name));
        let answers = self.ask(false, calls).await;
        let mut bare = Vec::new();
        for (part, answer) in self.parts().zip(&answers) {
            match answer {
                Ok(services) => {
                    part.says(name, services);
                    let some = services.iter().filter(|service| service.nodes.is_empty());
                    bare.extend(some.cloned());
                }
                Err(error) if error.code() == 404 => part.says(name, &[]),
                Err(_) => {}
            }
        }
        let is_answered = |answer: &Result<_>| {
            answer
                .as_ref()
                .err()
                .is_none_or(|error| error.code() == 404)
        };
        if !answers.iter().any(is_answered) {
            return Err(none(answers));
        }
        let nodes = self.known(name);
        if nodes.is_empty() && bare.is_empty() {
            let detail = format!("no registry knows a service {name}");
            return Err(Error::not_found(ID, detail));
        }
        Ok(by_version(nodes.values().chain(&bare)))
    }

    async fn list(&self) -> Result<Vec<Service>> {
        let calls = self.parts().map(|part| part.registry.list());
        let answers = self.ask(false, calls).await;
        if answers.iter().all(Result::is_err) {
            return Err(none(answers));
        }
        let mut listed = BTreeMap::new();
        for service in answers.into_iter().flatten().flatten() {
            let key = (service.name.clone(), service.version.clone());
            listed.entry(key).or_insert(service);
        }
        Ok(listed.into_values().collect())
    }

    async fn watch(&self, name: Option<&str>) -> Result<Watcher> {
        watch::all(self.clone(), name.map(str::to_owned)).await
    }

    fn reachable_at(&self) -> Option<IpAddr> {
        self.parts().find_map(|part| part.registry.reachable_at())
    }

    fn capabilities(&self) -> Capabilities {
        let mut each = self.parts().map(|part| part.registry.capabilities());
        Capabilities {
            registers: each.any(|one| one.registers),
        }
    }

    fn describe(&self) -> String {
        let each = self.parts().map(|part| match part.is_away() {
            true => format!("{}, which does not answer", part.registry.describe()),
            false => part.registry.describe(),
        });
        each.collect::<Vec<_>>().join(" and ")
    }

    fn prefers_local(&self) -> bool {
        self.parts().all(|part| part.registry.prefers_local())
    }

    fn name(&self) -> &'static str {
        "multi"
    }
}

impl fmt::Debug for MultiRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = self.parts().map(|part| &part.registry);
        f.debug_list().entries(parts).finish()
    }
}
