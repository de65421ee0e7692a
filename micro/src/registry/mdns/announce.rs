//! The nodes of this process: announced again and again, so that others notice when it is killed.
//!
//! mDNS itself keeps records for up to 75 minutes. So each announcement carries a number that grows, the beat, and says
//! for how long it is good; the thread of this file sends the next one in time, whether the program is busy or not.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use mdns_sd::{IfKind, ServiceDaemon, ServiceInfo, TxtProperty, UnregisterStatus};

use super::TYPE;
use super::nodes::Nodes;
use crate::registry::{Node, Service};

/// How long an announcement is good.
pub(super) const LIFE: Duration = Duration::from_secs(10);

/// The time between two announcements: one may be lost.
const BEAT: Duration = Duration::from_secs(4);

/// When to try again if the daemon had no room.
const AGAIN: Duration = Duration::from_millis(100);

/// The longest part of a record's name that is the service's.
const READABLE: usize = 40;

pub(super) struct Announcer {
    daemon: ServiceDaemon,
    nodes: Arc<Nodes>,
    own: Mutex<HashMap<String, Own>>,
}

/// A node of this process.
pub(super) struct Own {
    /// With this one node.
    service: Service,
    properties: Vec<TxtProperty>,
    /// Reachable from this host only, so that the LAN does not hear of it.
    is_local: bool,
    until: Option<Instant>,
    beat: u64,
    next: Instant,
}

impl Own {
    pub(super) fn new(
        service: Service,
        properties: Vec<TxtProperty>,
        is_local: bool,
        ttl: Option<Duration>,
    ) -> Self {
        let now = Instant::now();
        // A node that comes back under the same id has greater numbers than before.
        let since = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
        Self {
            service,
            properties,
            is_local,
            until: ttl.and_then(|ttl| now.checked_add(ttl)),
            beat: u64::try_from(since.as_millis()).unwrap_or_default(),
            next: now,
        }
    }

    fn announce(&mut self, daemon: &ServiceDaemon, instance: &str) -> mdns_sd::Result<()> {
        self.next = Instant::now() + AGAIN;
        self.beat += 1;
        daemon.register(self.info(instance, None)?)?;
        self.next = Instant::now() + BEAT;
        Ok(())
    }

    /// Says that the node leaves, since mDNS's own word for it takes a second to have effect; then takes the record back.
    fn withdraw(&mut self, daemon: &ServiceDaemon, instance: &str) -> mdns_sd::Result<Withdrawn> {
        self.beat += 1;
        let info = self.info(instance, Some(TxtProperty::from(("gone", "1"))))?;
        let name = info.get_fullname().to_owned();
        daemon.register(info)?;
        daemon.unregister(&name)
    }

    fn info(&self, instance: &str, gone: Option<TxtProperty>) -> mdns_sd::Result<ServiceInfo> {
        let beat = TxtProperty::from(("beat", self.beat.to_string()));
        let properties = gone.into_iter().chain([beat]);
        let properties: Vec<_> = properties.chain(self.properties.iter().cloned()).collect();
        // A host name for each node: taking one back takes back the addresses of its host.
        let host = format!("{instance}.local.");
        let port = self.service.nodes.first().map_or(0, port);
        let mut info =
            ServiceInfo::new(TYPE, instance, &host, "", port, properties)?.enable_addr_auto();
        info.set_requires_probe(false);
        if self.is_local {
            info.set_interfaces(vec![IfKind::LoopbackV4]);
        }
        Ok(info)
    }
}

/// Tells when the record is taken back.
pub(super) type Withdrawn = mdns_sd::Receiver<UnregisterStatus>;

impl Announcer {
    pub(super) fn new(daemon: ServiceDaemon, nodes: Arc<Nodes>) -> Self {
        Self {
            daemon,
            nodes,
            own: Mutex::default(),
        }
    }

    /// Announces a node, at once if it is new or changed.
    pub(super) fn announce(&self, instance: &str, mut own: Own) -> mdns_sd::Result<()> {
        let mut all = self.own();
        match all.get_mut(instance) {
            Some(known) if known.service == own.service => known.until = own.until,
            _ => {
                own.announce(&self.daemon, instance)?;
                self.nodes
                    .put_own(&full_name(instance), own.service.clone());
                all.insert(instance.to_owned(), own);
            }
        }
        Ok(())
    }

    /// Takes a node back; nothing happens if it is not this process's.
    pub(super) fn withdraw(&self, instance: &str) -> mdns_sd::Result<Option<Withdrawn>> {
        let mut all = self.own();
        let Some(own) = all.get_mut(instance) else {
            return Ok(None);
        };
        let withdrawn = own.withdraw(&self.daemon, instance)?;
        self.nodes.remove_own(&full_name(instance), own.beat);
        all.remove(instance);
        Ok(Some(withdrawn))
    }

    /// The thread: it ends when nobody can wake it any more.
    pub(super) fn run(&self, woken: &Receiver<()>) {
        loop {
            match self.beat() {
                None if woken.recv().is_err() => return,
                Some(wait) if woken.recv_timeout(wait) == Err(RecvTimeoutError::Disconnected) => {
                    return;
                }
                _ => {}
            }
        }
    }

    /// Announces what is due, and takes back what was not registered again in time; says how long it may wait.
    fn beat(&self) -> Option<Duration> {
        let mut all = self.own();
        let now = Instant::now();
        all.retain(|instance, own| {
            if own.until.is_some_and(|until| until <= now) {
                let is_withdrawn = own.withdraw(&self.daemon, instance).is_ok();
                self.nodes.remove_own(&full_name(instance), own.beat);
                return !is_withdrawn;
            }
            if own.next <= now
                && let Err(error) = own.announce(&self.daemon, instance)
            {
                tracing::debug!(instance, %error, "a node is announced later");
            }
            true
        });
        let next = |own: &Own| own.until.map_or(own.next, |until| until.min(own.next));
        let next = all.values().map(next).min();
        next.map(|at| at.saturating_duration_since(now).max(AGAIN))
    }

    fn own(&self) -> MutexGuard<'_, HashMap<String, Own>> {
        // The map is whole after any panic: each change is one call.
        self.own.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The name of a node's record: one label, unique for its namespace and id, that people can read.
pub(super) fn instance(namespace: &str, service: &str, id: &str) -> String {
    let mut hasher = DefaultHasher::new();
    (namespace, id).hash(&mut hasher);
    let readable = service.chars().take(READABLE).map(|one| match one {
        // In lower case: the mDNS daemon forgets to repeat announcements of other names.
        'a'..='z' | '0'..='9' => one,
        'A'..='Z' => one.to_ascii_lowercase(),
        _ => '-',
    });
    format!("{}-{:016x}", readable.collect::<String>(), hasher.finish())
}

fn full_name(instance: &str) -> String {
    format!("{instance}.{TYPE}")
}

fn port(node: &Node) -> u16 {
    let port = node.address.rsplit_once(':').map(|(_, port)| port.parse());
    port.and_then(Result::ok).unwrap_or(0)
}
