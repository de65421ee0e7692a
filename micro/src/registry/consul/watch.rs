//! A watcher: what is there now beside what was there before, whenever something may have changed.

use std::collections::{BTreeMap, VecDeque};

use futures_util::stream::{self, StreamExt as _};

use super::ConsulRegistry;
use super::news::Listener;
use crate::error::Result;
use crate::registry::{Action, Event, Service, Watcher};

/// Records of one node each, by name and node.
pub(super) type Known = BTreeMap<(String, String), Service>;

/// The records that have a node.
pub(super) fn known(records: Vec<Service>) -> Known {
    let named = records.into_iter().filter_map(|record| {
        let node = record.nodes.first()?.id.clone();
        Some(((record.name.clone(), node), record))
    });
    named.collect()
}

/// What a watcher has seen.
struct Watch {
    registry: ConsulRegistry,
    news: Listener,
    name: Option<String>,
    known: Known,
    events: VecDeque<Event>,
}

/// Changes of the service called `name`, or of all, from now on.
pub(super) async fn watch(registry: ConsulRegistry, name: Option<&str>) -> Result<Watcher> {
    let watch = Watch {
        news: registry.news().await?,
        known: registry.known(name).await?,
        registry,
        name: name.map(str::to_owned),
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

impl Watch {
    async fn next(&mut self) -> Result<Event> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Ok(event);
            }
            let name = self.name.as_deref();
            let full = name.map(|name| self.registry.full(name));
            self.news.changed(full.as_deref()).await?;
            let now = self.registry.known(name).await?;
            let before = std::mem::replace(&mut self.known, now);
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
