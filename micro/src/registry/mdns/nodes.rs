//! The nodes that are known, this process's own among them, and who watches them.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::text::Announcement;
use crate::registry::heard::Changes;
use crate::registry::record::by_version;
use crate::registry::{Action, Service, Watcher};

/// How many nodes are remembered, and how many of those that left.
const MOST_NODES: usize = 1024;

/// By the names of their mDNS records.
#[derive(Debug, Default)]
pub(super) struct Nodes {
    table: Mutex<Table>,
    changes: Changes,
}

#[derive(Debug, Default)]
struct Table {
    known: HashMap<String, Known>,
    /// The last beats of nodes that left: the mDNS daemon may repeat what it still has in its cache.
    left: HashMap<String, u64>,
}

#[derive(Debug)]
struct Known {
    /// With this one node.
    service: Service,
    beat: u64,
    /// Nothing for a node of this process.
    expires: Option<Instant>,
}

impl Nodes {
    /// Takes in a node of this process.
    pub(super) fn put_own(&self, instance: &str, service: Service) {
        let known = Known {
            service,
            beat: 0,
            expires: None,
        };
        self.put(&mut self.table(), instance, known);
    }

    /// Takes back a node of this process; what was announced of it up to `beat` is not believed any more.
    pub(super) fn remove_own(&self, instance: &str, beat: u64) {
        self.remove(&mut self.table(), instance, beat);
    }

    /// Takes in what the network says of a node.
    pub(super) fn hear(&self, instance: &str, announcement: Announcement) {
        let mut table = self.table();
        let known = table.known.get(instance);
        let last = known
            .map(|known| known.beat)
            .or(table.left.get(instance).copied());
        let is_own = known.is_some_and(|known| known.expires.is_none());
        if is_own || last.is_some_and(|last| announcement.beat <= last) {
            return;
        }
        if announcement.is_gone {
            self.remove(&mut table, instance, announcement.beat);
            return;
        }
        if known.is_none() && table.known.len() >= MOST_NODES {
            tracing::debug!(instance, "ignored a node: {MOST_NODES} are known already");
            return;
        }
        let known = Known {
            service: announcement.service,
            beat: announcement.beat,
            expires: Some(Instant::now() + announcement.life),
        };
        self.put(&mut table, instance, known);
    }

    /// The network says that a node left.
    pub(super) fn hear_no_more(&self, instance: &str) {
        let mut table = self.table();
        let beat = match table.known.get(instance) {
            Some(known) if known.expires.is_some() => known.beat,
            _ => return,
        };
        self.remove(&mut table, instance, beat);
    }

    /// Takes away the nodes that were not heard of for too long; says how long until the next one is.
    pub(super) fn expire(&self) -> Option<Duration> {
        let mut table = self.table();
        let now = Instant::now();
        let expired = table.known.iter().filter_map(|(instance, known)| {
            let is_expired = known.expires.is_some_and(|at| at <= now);
            is_expired.then(|| (instance.clone(), known.beat))
        });
        for (instance, beat) in expired.collect::<Vec<_>>() {
            self.remove(&mut table, &instance, beat);
        }
        let next = table.known.values().filter_map(|known| known.expires).min();
        next.map(|at| at.saturating_duration_since(now))
    }

    /// The services called `name`, or all, one record for each version.
    pub(super) fn services(&self, name: Option<&str>) -> Vec<Service> {
        let table = self.table();
        let known = table.known.values().map(|known| &known.service);
        let wanted = known.filter(|service| name.is_none_or(|name| service.name == name));
        by_version(wanted)
    }

    /// Changes of the service called `name`, or of all.
    pub(super) fn watch(&self, name: Option<&str>) -> Watcher {
        self.changes.watch(name)
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // The table is whole after any panic: no foreign code runs under the lock.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, table: &mut Table, instance: &str, known: Known) {
        let service = known.service.clone();
        table.left.remove(instance);
        match table.known.insert(instance.to_owned(), known) {
            None => self.changes.tell(Action::Create, service),
            Some(before) if before.service != service => self.changes.tell(Action::Update, service),
            Some(_) => {}
        }
    }

    fn remove(&self, table: &mut Table, instance: &str, beat: u64) {
        if table.left.len() >= MOST_NODES {
            table.left.clear();
        }
        table.left.insert(instance.to_owned(), beat);
        if let Some(known) = table.known.remove(instance) {
            self.changes.tell(Action::Delete, known.service);
        }
    }
}
