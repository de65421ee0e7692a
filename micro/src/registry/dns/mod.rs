//! DNS as the registry: services that others have put there, such as Kubernetes or Consul.

mod place;
mod query;

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::try_join_all;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use simple_dns::TYPE;

use self::place::Place;
use self::query::{Answer, Resolver, Srv};
use super::record::bare;
use super::{Action, Backend, Capabilities, Event, Node, Options, Registry, Service, Watcher};
use crate::error::{Error, Result};

const ID: &str = "micro.registry.dns";

/// For how long an answer is taken to hold at least, and at most.
const HOLDS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// How many targets of one service are asked for at once.
const AT_ONCE: usize = 16;

inventory::submit! {
    Backend { names: &["dns"], open: |options| Ok(Arc::new(DnsRegistry::new(options)?)) }
}

/// Nodes that DNS names: chosen by `--registry=dns`.
///
/// `--registry_address` is `dns://SERVER:53/DOMAIN?port=8080`, of which each part may be left out: the servers, and without
/// a domain the first that is searched, are then those of `/etc/resolv.conf`. Several addresses name servers that answer for each
/// other, and are tried in turn, each for up to 2 s; the domain and the port stand in one of them. A namespace stands before the domain.
///
/// The nodes of `greeter` are the targets of the SRV records of `_greeter._tcp.DOMAIN`, of the lowest priority. Where there is
/// none, they are the addresses of `greeter.DOMAIN` (A, or else AAAA), each at `port`; if no port is given, the targets of the
/// SRV records of that name.
/// Names are asked for again when the records expire, after 1 s at least and 30 s at most, and once a node refuses a connection.
/// Answers that do not fit a packet are asked for over TCP.
///
/// A name that does not exist is `not_found`. Servers that do not answer, or cannot tell, are `unavailable`, and what was
/// known last stays in use. Nothing is announced here, and services cannot be listed. Of a node nothing is known but its
/// address, until it was asked for the rest by the first call.
#[derive(Clone)]
pub struct DnsRegistry(Arc<Shared>);

struct Shared {
    resolver: Resolver,
    place: Place,
}

/// Where nodes are, and for how long that holds.
type Found = (Vec<SocketAddr>, Duration);

impl DnsRegistry {
    /// The names that `options` tell. Nothing is asked yet.
    ///
    /// # Errors
    ///
    /// `bad_request` if an address is none, or if none names a server and `/etc/resolv.conf` does not, either.
    pub fn new(options: &Options) -> Result<Self> {
        let (servers, place) = place::read(options)?;
        Ok(Self(Arc::new(Shared {
            resolver: Resolver::new(servers),
            place,
        })))
    }

    /// The nodes of `name` by their ids, and for how long that holds.
    async fn nodes(&self, name: &str) -> Result<(BTreeMap<String, Node>, Duration)> {
        let resolver = &self.0.resolver;
        let whole = self.0.place.whole(name);
        let by_protocol = self.0.place.whole(&format!("_{name}._tcp"));
        let by_name = async {
            match self.0.place.port {
                0 => resolver.ask(&whole, TYPE::SRV).await,
                // Of a service with several ports, those of Kubernetes have all.
                _ => Ok(Answer::default()),
            }
        };
        let (first, second, v4, v6) = tokio::try_join!(
            resolver.ask(&by_protocol, TYPE::SRV),
            by_name,
            resolver.ask(&whole, TYPE::A),
            resolver.ask(&whole, TYPE::AAAA),
        )?;
        let (addresses, ttl) = match [&first, &second]
            .into_iter()
            .find(|answer| !answer.services.is_empty())
        {
            Some(answer) => self.targets(answer).await?,
            None => {
                let (ips, ttl) = either(&v4, &v6);
                let ttl = match ips.is_empty() {
                    true => ttl.min(first.ttl).min(second.ttl),
                    false => ttl,
                };
                (self.at_port(&whole, ips)?, ttl)
            }
        };
        let nodes = addresses.into_iter().map(|address| {
            let node = bare(name, address.to_string());
            (node.id.clone(), node)
        });
        Ok((nodes.collect(), ttl.clamp(HOLDS.0, HOLDS.1)))
    }

    /// The targets of the lowest priority: others are for when none of them is there, which nobody here can tell.
    async fn targets(&self, answer: &Answer) -> Result<Found> {
        let lowest = answer.services.iter().map(|srv| srv.priority).min();
        let wanted = answer.services.iter();
        let wanted: Vec<_> = wanted.filter(|srv| Some(srv.priority) == lowest).collect();
        let (mut addresses, mut ttl) = (Vec::new(), answer.ttl);
        for some in wanted.chunks(AT_ONCE) {
            let found = try_join_all(some.iter().map(|srv| self.target(srv, answer)));
            for (more, holds) in found.await? {
                addresses.extend(more);
                ttl = ttl.min(holds);
            }
        }
        Ok((addresses, ttl))
    }

    /// One of them, whose addresses may have come with the answer.
    async fn target(&self, srv: &Srv, answer: &Answer) -> Result<Found> {
        let own = answer.addresses.iter();
        let own = own.filter(|(name, _)| *name == srv.target);
        let mut found = (usable(own.map(|(_, ip)| *ip)), answer.ttl);
        if found.0.is_empty() {
            let (v4, v6) = tokio::try_join!(
                self.0.resolver.ask(&srv.target, TYPE::A),
                self.0.resolver.ask(&srv.target, TYPE::AAAA),
            )?;
            found = either(&v4, &v6);
        }
        let (ips, ttl) = found;
        let addresses = ips.into_iter().map(|ip| SocketAddr::new(ip, srv.port));
        Ok((addresses.collect(), ttl))
    }

    fn at_port(&self, whole: &str, ips: Vec<IpAddr>) -> Result<Vec<SocketAddr>> {
        let port = self.0.place.port;
        if port == 0 && !ips.is_empty() {
            let detail = format!(
                "{whole} has addresses and no port: write ?port=8080 at the end of the registry's address"
            );
            return Err(Error::bad_request(ID, detail));
        }
        Ok(ips
            .into_iter()
            .map(|ip| SocketAddr::new(ip, port))
            .collect())
    }
}

/// The addresses that are called: a node that has some of both kinds is one node.
fn usable(ips: impl Iterator<Item = IpAddr>) -> Vec<IpAddr> {
    let (v4, v6): (Vec<_>, Vec<_>) = ips.partition(IpAddr::is_ipv4);
    if v4.is_empty() { v6 } else { v4 }
}

fn either(v4: &Answer, v6: &Answer) -> (Vec<IpAddr>, Duration) {
    let both = v4.addresses.iter().chain(&v6.addresses);
    let ips = usable(both.map(|(_, ip)| *ip));
    let ttl = match ips.first() {
        Some(IpAddr::V4(_)) => v4.ttl,
        Some(IpAddr::V6(_)) => v6.ttl,
        None => v4.ttl.min(v6.ttl),
    };
    (ips, ttl)
}

#[async_trait]
impl Registry for DnsRegistry {
    async fn register(&self, _service: &Service, _ttl: Option<Duration>) -> Result<()> {
        Ok(())
    }

    async fn deregister(&self, _service: &Service) -> Result<()> {
        Ok(())
    }

    async fn get(&self, name: &str) -> Result<Vec<Service>> {
        let (nodes, _) = self.nodes(name).await?;
        if nodes.is_empty() {
            let detail = format!("DNS knows no {}", self.0.place.whole(name));
            return Err(Error::not_found(ID, detail));
        }
        Ok(vec![record(name, nodes.into_values())])
    }

    async fn list(&self) -> Result<Vec<Service>> {
        Err(unlisted())
    }

    async fn watch(&self, name: Option<&str>) -> Result<Watcher> {
        let name = name.ok_or_else(unlisted)?.to_owned();
        let (known, ttl) = self.nodes(&name).await?;
        let watch = (self.clone(), name, known, ttl);
        let changes = stream::try_unfold(watch, |(registry, name, known, ttl)| async move {
            tokio::time::sleep(ttl).await;
            let (now, ttl) = registry.nodes(&name).await?;
            let events = changed(&name, known, &now);
            let events = stream::iter(events.into_iter().map(Ok));
            Ok::<_, Error>(Some((events, (registry, name, now, ttl))))
        });
        Ok(changes.try_flatten().boxed())
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { registers: false }
    }

    fn describe(&self) -> String {
        let (servers, domain) = (self.0.resolver.addresses(), &self.0.place.domain);
        format!(
            "dns at {servers}: {}",
            if domain.is_empty() { "." } else { domain }
        )
    }

    fn name(&self) -> &'static str {
        "dns"
    }
}

/// The nodes that are new, and those that are gone.
fn changed(
    name: &str,
    mut known: BTreeMap<String, Node>,
    now: &BTreeMap<String, Node>,
) -> Vec<Event> {
    let mut new = now.clone();
    new.retain(|id, _| known.remove(id).is_none());
    let events = [(Action::Create, new), (Action::Delete, known)];
    let some = events.into_iter().filter(|(_, nodes)| !nodes.is_empty());
    some.map(|(action, nodes)| Event {
        action,
        service: record(name, nodes.into_values()),
    })
    .collect()
}

fn record(name: &str, nodes: impl Iterator<Item = Node>) -> Service {
    Service {
        name: name.to_owned(),
        nodes: nodes.collect(),
        ..Service::default()
    }
}

fn unlisted() -> Error {
    Error::not_implemented(ID, "names in DNS can be asked for, and not be listed")
}

impl fmt::Debug for DnsRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DnsRegistry({})", self.describe())
    }
}
