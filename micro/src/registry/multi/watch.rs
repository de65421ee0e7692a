//! What a watcher sees of several registries: one event for each change of what all of them know together.

use std::collections::VecDeque;
use std::time::Duration;

use futures_util::stream::{self, BoxStream, SelectAll, select_all};
use futures_util::{FutureExt as _, StreamExt as _};
use tokio::time::{sleep, timeout};

use super::part::Nodes;
use super::{FIRST, ID, MultiRegistry, none};
use crate::error::{Error, Result};
use crate::registry::{Action, Event, Registry as _, Service, Watcher};

/// The pause before one that is away is asked anew: the first, and the longest that it doubles to.
const PAUSE: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(10));

/// Changes of the service called `name`, or of all.
///
/// It yields an error when one of the registries goes away, and when it is back, since both may have lost changes.
pub(super) async fn all(registry: MultiRegistry, name: Option<String>) -> Result<Watcher> {
    let calls = registry
        .parts()
        .map(|part| part.registry.watch(name.as_deref()));
    let watchers = registry.ask(false, calls).await;
    if watchers.iter().all(Result::is_err) {
        return Err(none(watchers));
    }
    let heard = watchers
        .into_iter()
        .enumerate()
        .map(|(place, watcher)| match watcher {
            Ok(watcher) => heard(place, watcher),
            // It cannot watch, whoever asks.
            Err(error) if error.code() != 503 => stream::pending().boxed(),
            Err(_) => back(registry.clone(), place, name.clone()),
        });
    let heard = select_all(heard.collect::<Vec<_>>());
    let mut watch = Watch {
        shown: Nodes::new(),
        events: VecDeque::new(),
        registry,
        heard,
    };
    watch.begin(name).await?;
    let events = stream::unfold(Some(watch), |watch| async {
        let mut watch = watch?;
        match watch.next().await {
            Some(Ok(event)) => Some((Ok(event), Some(watch))),
            Some(Err(error)) => Some((Err(error), None)),
            None => None,
        }
    });
    Ok(events.boxed())
}

/// A change that the registry at that place told of; `None` if it tells of no more.
type Heard = (usize, Option<Result<Event>>);

fn heard(place: usize, watcher: Watcher) -> BoxStream<'static, Heard> {
    let changes = watcher.map(Some).chain(stream::once(async { None }));
    changes.map(move |change| (place, change)).boxed()
}

/// An error once the registry at that place can be watched again.
fn back(registry: MultiRegistry, place: usize, name: Option<String>) -> BoxStream<'static, Heard> {
    let back = async move {
        let part = &registry.0[place];
        let mut pause = PAUSE.0;
        loop {
            sleep(pause.mul_f64(0.5 + fastrand::f64() / 2.0)).await;
            let watched = timeout(FIRST, part.registry.watch(name.as_deref())).await;
            if let Ok(Ok(_)) = watched {
                part.note(&Ok(()));
                let detail = format!("{} was away until now", part.registry.describe());
                return (place, Some(Err(Error::unavailable(ID, detail))));
            }
            pause = (pause * 2).min(PAUSE.1);
        }
    };
    back.into_stream().boxed()
}

struct Watch {
    registry: MultiRegistry,
    heard: SelectAll<BoxStream<'static, Heard>>,
    /// What the watcher knows, by the names of services and the ids of nodes.
    shown: Nodes,
    events: VecDeque<Event>,
}

impl Watch {
    /// Takes what is known already for shown.
    async fn begin(&mut self, name: Option<String>) -> Result<()> {
        let names = match name {
            Some(name) => vec![name],
            None => {
                let listed = self.registry.list().await?.into_iter();
                listed.map(|service| service.name).collect()
            }
        };
        for name in names {
            if let Err(error) = self.registry.get(&name).await
                && error.code() != 404
            {
                return Err(error);
            }
            let known = self.registry.known(&name).into_iter();
            self.shown
                .extend(known.map(|(id, record)| (key(&name, &id), record)));
        }
        Ok(())
    }

    async fn next(&mut self) -> Option<Result<Event>> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Some(Ok(event));
            }
            match self.heard.next().await? {
                (place, Some(Ok(event))) => self.take(place, &event),
                (place, Some(trouble)) => {
                    self.registry.0[place].note(&trouble);
                    return Some(trouble);
                }
                (_, None) => return None,
            }
        }
    }

    /// Tells of what has changed for all by what has changed for one.
    fn take(&mut self, place: usize, event: &Event) {
        self.registry.0[place].changes(event);
        if event.action == Action::Delete {
            // Those that are away cannot say that they have lost it, too.
            for part in self.registry.parts().filter(|part| part.is_away()) {
                part.changes(event);
            }
        }
        let name = &event.service.name;
        for node in &event.service.nodes {
            let now = self.record(name, &node.id);
            let key = key(name, &node.id);
            let before = match &now {
                Some(now) => self.shown.insert(key, now.clone()),
                None => self.shown.remove(&key),
            };
            let change = match (before, now) {
                (Some(before), Some(now)) => (before != now).then_some((Action::Update, now)),
                (None, Some(now)) => Some((Action::Create, now)),
                (Some(before), None) => Some((Action::Delete, before)),
                (None, None) => None,
            };
            let change = change.map(|(action, service)| Event { action, service });
            self.events.extend(change);
        }
    }

    /// What the first says of a node that knows it; those that answer come first.
    fn record(&self, name: &str, id: &str) -> Option<Service> {
        let said = |is_away| {
            let mut parts = self
                .registry
                .parts()
                .filter(move |part| part.is_away() == is_away);
            parts.find_map(|part| part.node(name, id))
        };
        said(false).or_else(|| said(true))
    }
}

fn key(name: &str, id: &str) -> String {
    format!("{name}\n{id}")
}
