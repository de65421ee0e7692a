//! What the network says: nodes come, speak again, and leave or fall silent.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use mdns_sd::{Error, Receiver, RecvTimeoutError, ServiceDaemon, ServiceEvent, TxtProperties};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::TYPE;
use super::nodes::Nodes;
use super::text;

/// How long to wait for an event if no node is about to expire.
const IDLE: Duration = Duration::from_secs(5);

/// How many further events are taken in before nodes that fell silent are.
const TOGETHER: usize = 100;

/// When to try again if the daemon had no room.
const AGAIN: Duration = Duration::from_millis(100);

pub(super) struct Listener {
    pub(super) nodes: Arc<Nodes>,
    pub(super) namespace: Arc<str>,
    /// Whether there is an interface to listen on.
    pub(super) hears: watch::Sender<Option<bool>>,
    pub(super) stop: CancellationToken,
}

impl Listener {
    /// The thread: it ends when the daemon is shut down after `stop`.
    pub(super) fn run(&self, daemon: &ServiceDaemon, mut events: Receiver<ServiceEvent>) {
        let mut wait = IDLE;
        loop {
            match events.recv_timeout(wait) {
                Ok(event) => {
                    self.take_in(event);
                    let more = events.try_iter().take(TOGETHER);
                    more.for_each(|event| self.take_in(event));
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) if self.stop.is_cancelled() => return,
                // The daemon closed the channel because this thread was too slow.
                Err(RecvTimeoutError::Disconnected) => match daemon.browse(TYPE) {
                    Ok(anew) => events = anew,
                    Err(Error::DaemonShutdown) => return,
                    Err(_) => thread::sleep(AGAIN),
                },
            }
            wait = self.nodes.expire().map_or(IDLE, |next| next.min(IDLE));
        }
    }

    fn take_in(&self, event: ServiceEvent) {
        match event {
            ServiceEvent::ServiceResolved(found) => match text::read(fields(&found.txt_properties))
            {
                Ok(announcement) if announcement.namespace == *self.namespace => {
                    self.nodes.hear(&found.fullname, announcement);
                }
                Ok(_) => {}
                Err(reason) => {
                    tracing::debug!(instance = %found.fullname, reason, "ignored an mDNS record");
                }
            },
            ServiceEvent::ServiceRemoved(_, instance) => self.nodes.hear_no_more(&instance),
            // The daemon tells in no other way that it could not open or join anything.
            ServiceEvent::SearchStarted(on) => {
                let hears = !on.contains(" on 0 interfaces ");
                self.hears.send_replace(Some(hears));
            }
            _ => {}
        }
    }
}

fn fields(properties: &TxtProperties) -> BTreeMap<&str, &[u8]> {
    let properties = properties.iter();
    properties
        .map(|one| (one.key(), one.val().unwrap_or_default()))
        .collect()
}
