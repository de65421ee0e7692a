//! The nodes that are known, this process's own among them.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::registry::heard::Changes;
use crate::registry::record::by_version;
use crate::registry::{Action, Service, Watcher};

/// How long a node counts that was heard of: what is watched is asked for three times within it.
pub(super) const LIFE: Duration = Duration::from_secs(35);

/// How long answers of a node may be under way that has left.
const STALE: Duration = Duration::from_secs(1);

/// How many nodes are remembered, and how many of those that left.
const MOST_NODES: usize = 1024;

/// A node, by its service's name and its id.
pub(super) type Key = (String, String);

#[derive(Debug, Default)]
pub(super) struct Nodes {
    table: Mutex<Table>,
    changes: Changes,
}

#[derive(Debug, Default)]
struct Table {
    known: HashMap<Key, Known>,
    /// When nodes left.
    left: HashMap<Key, Instant>,
}

#[derive(Debug)]
struct Known {
    /// With this one node.
    service: Service,
    /// Nothing for a node of this process.
    expires: Option<Instant>,
}

/// Of a record with one node.
pub(super) fn key(service: &Service) -> Key {
    let id = service.nodes.first().map(|node| node.id.clone());
    (service.name.clone(), id.unwrap_or_default())
}

impl Nodes {
    /// Takes in a node of this process.
    pub(super) fn put_own(&self, service: Service) {
        let expires = None;
        self.put(&mut self.table(), Known { service, expires });
    }

    /// Takes back a node of this process.
    pub(super) fn remove_own(&self, key: &Key) {
        self.remove(&mut self.table(), key);
    }

    /// Takes in what the network says of a node; `is_answer` if it was asked.
    pub(super) fn hear(&self, service: Service, is_answer: bool) {
        let key = key(&service);
        let mut table = self.table();
        let known = table.known.get(&key);
        let is_own = known.is_some_and(|known| known.expires.is_none());
        let left = table.left.get(&key);
        if is_own || is_answer && left.is_some_and(|left| left.elapsed() < STALE) {
            return;
        }
        if known.is_none() && table.known.len() >= MOST_NODES {
            tracing::debug!(?key, "ignored a node: {MOST_NODES} are known already");
            return;
        }
        let expires = Some(Instant::now() + LIFE);
        self.put(&mut table, Known { service, expires });
    }

    /// The network says that a node left.
    pub(super) fn hear_no_more(&self, key: &Key) {
        let mut table = self.table();
        let known = table.known.get(key);
        if known.is_some_and(|known| known.expires.is_some()) {
            self.remove(&mut table, key);
        }
    }

    /// Takes away the nodes that were not heard of for too long.
    pub(super) fn expire(&self) {
        let mut table = self.table();
        let now = Instant::now();
        let expired = table.known.iter().filter_map(|(key, known)| {
            let is_expired = known.expires.is_some_and(|at| at <= now);
            is_expired.then(|| key.clone())
        });
        for key in expired.collect::<Vec<_>>() {
            self.remove(&mut table, &key);
        }
    }

    /// The services called `name`, or all, one record for each version.
    pub(super) fn services(&self, name: Option<&str>) -> Vec<Service> {
        let table = self.table();
        let known = table.known.values().map(|known| &known.service);
        by_version(known.filter(|service| name.is_none_or(|name| service.name == name)))
    }

    /// Changes of the service called `name`, or of all.
    pub(super) fn watch(&self, name: Option<&str>) -> Watcher {
        self.changes.watch(name)
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // The table is whole after any panic: no foreign code runs under the lock.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, table: &mut Table, known: Known) {
        let service = known.service.clone();
        let key = key(&service);
        table.left.remove(&key);
        match table.known.insert(key, known) {
            None => self.changes.tell(Action::Create, service),
            Some(before) if before.service != service => {
                self.changes.tell(Action::Update, service);
            }
            Some(_) => {}
        }
    }

    fn remove(&self, table: &mut Table, key: &Key) {
        if table.left.len() >= MOST_NODES {
            table.left.clear();
        }
        table.left.insert(key.clone(), Instant::now());
        if let Some(known) = table.known.remove(key) {
            self.changes.tell(Action::Delete, known.service);
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::{Duration, LIFE, MOST_NODES, Nodes, STALE, key};
    use crate::registry::{Node, Service};

    fn greeter(id: &str) -> Service {
        let node = Node {
            id: id.to_owned(),
            ..Node::default()
        };
        Service {
            name: "greeter".to_owned(),
            nodes: vec![node],
            ..Service::default()
        }
    }

    fn count(nodes: &Nodes) -> usize {
        let services = nodes.services(Some("greeter"));
        services.iter().map(|service| service.nodes.len()).sum()
    }

    #[tokio::test(start_paused = true)]
    async fn a_node_that_is_not_heard_of_again_is_gone_when_its_life_ends() {
        let nodes = Nodes::default();
        nodes.hear(greeter("one"), true);
        advance(LIFE / 2).await;
        nodes.hear(greeter("two"), true);

        advance(LIFE / 2).await;
        nodes.expire();

        assert_eq!(nodes.services(None), [greeter("two")]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_node_of_this_process_needs_not_be_heard_of() {
        let nodes = Nodes::default();
        nodes.put_own(greeter("one"));

        advance(LIFE * 2).await;
        nodes.expire();
        nodes.hear_no_more(&key(&greeter("one")));

        assert_eq!(count(&nodes), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_comes_late_does_not_bring_a_node_back() {
        let nodes = Nodes::default();
        nodes.hear(greeter("one"), true);
        nodes.hear_no_more(&key(&greeter("one")));

        nodes.hear(greeter("one"), true);
        let late = count(&nodes);
        advance(STALE + Duration::from_millis(1)).await;
        nodes.hear(greeter("one"), true);

        assert_eq!((late, count(&nodes)), (0, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_node_that_announces_itself_anew_is_back_at_once() {
        let nodes = Nodes::default();
        nodes.hear(greeter("one"), true);
        nodes.hear_no_more(&key(&greeter("one")));

        nodes.hear(greeter("one"), false);

        assert_eq!(count(&nodes), 1);
    }

    #[test]
    fn no_more_nodes_are_remembered_than_there_is_room_for() {
        let nodes = Nodes::default();

        for id in 0..MOST_NODES + 10 {
            nodes.hear(greeter(&id.to_string()), false);
        }

        assert_eq!(count(&nodes), MOST_NODES);
    }
}
