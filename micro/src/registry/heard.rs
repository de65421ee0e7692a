//! How nodes that were heard of on a network are read and watched.

use std::sync::Arc;

use futures_util::{StreamExt, stream};
use tokio::sync::broadcast;

use super::{Action, Event, Service, Watcher};
use crate::error::Result;

/// How many changes a watcher may leave unread before it ends.
const UNREAD: usize = 1024;

/// Changes, and those who watch them.
#[derive(Debug)]
pub(super) struct Changes(broadcast::Sender<Arc<Event>>);

impl Default for Changes {
    fn default() -> Self {
        Self(broadcast::Sender::new(UNREAD))
    }
}

impl Changes {
    /// To be called under a lock, so that watchers see changes in the order in which they were made.
    pub(super) fn tell(&self, action: Action, service: Service) {
        // It fails if nobody watches.
        drop(self.0.send(Arc::new(Event { action, service })));
    }

    /// Changes of the service called `name`, or of all.
    pub(super) fn watch(&self, name: Option<&str>) -> Watcher {
        let name = name.map(str::to_owned);
        let changes = self.0.subscribe();
        stream::unfold((changes, name), |(mut changes, name)| async move {
            loop {
                // An error says that some changes were missed, or that the registry is gone.
                let event = changes.recv().await.ok()?;
                let is_wanted = name.as_ref().is_none_or(|name| *name == event.service.name);
                if is_wanted {
                    let event: Result<Event> = Ok(event.as_ref().clone());
                    return Some((event, (changes, name)));
                }
            }
        })
        .boxed()
    }
}
