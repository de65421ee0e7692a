//! A watcher: what is there now beside what was there before, whenever something may have changed.

use std::collections::{BTreeMap, VecDeque};

use std::time::Duration;

use futures_util::stream::{self, StreamExt as _};
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

use super::news::Listener;
use super::{ConsulRegistry, ID};
use crate::error::{Error, Result};
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

/// When a service is read again of which a node was not well: one that was so for a moment may be no news.
const AGAIN: Duration = Duration::from_secs(1);

/// What a watcher has seen.
struct Watch {
    registry: ConsulRegistry,
    news: Listener,
    name: Option<String>,
    known: Known,
    /// The last news was read, and a node was not well then.
    doubts: bool,
    events: VecDeque<Event>,
}

fn has_unwell(records: &[Service]) -> bool {
    records.iter().any(|record| record.nodes.is_empty())
}

/// Changes of the service called `name`, or of all, from now on.
pub(super) async fn watch(registry: ConsulRegistry, name: Option<&str>) -> Result<Watcher> {
    let news = registry.news().await?;
    let records = registry.records(name).await?;
    let watch = Watch {
        news,
        doubts: has_unwell(&records),
        known: known(records),
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
            let full = self.name.as_deref().map(|name| self.registry.full(name));
            let changed = self.news.changed(full.as_deref());
            let is_news = match self.doubts {
                false => changed.await.map(|()| true)?,
                true => match timeout(AGAIN, changed).await {
                    Ok(changed) => changed.map(|()| true)?,
                    Err(_) => false,
                },
            };
            let records = self.read().await?;
            // What is unwell for so long is in the news once it is well.
            self.doubts = is_news && has_unwell(&records);
            let before = std::mem::replace(&mut self.known, known(records));
            self.compare(before);
        }
    }

    /// Reads in a task of its own, which goes on if nobody polls the watcher meanwhile: it holds up others.
    async fn read(&self) -> Result<Vec<Service>> {
        let (registry, name) = (self.registry.clone(), self.name.clone());
        let reading = tokio::spawn(async move { registry.records(name.as_deref()).await });
        let read = AbortOnDropHandle::new(reading).await;
        read.map_err(|source| {
            Error::unavailable(ID, "reading from Consul was broken off").with_source(source)
        })?
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
