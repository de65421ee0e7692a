//! What one group, or one broadcast subscriber, has yet to handle, and what it could not: both bounded.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::parked::{with_reason, without_reason};
use super::{Delivery, ID, Mode, Terms};
use crate::error::{Error, Result};
use crate::message::Message;

/// How long a publisher waits for room.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// How many parked messages are kept.
const PARKED: usize = 1024;

/// Messages in order of publication, for members to take one by one.
pub(super) struct Queue {
    topic: Arc<str>,
    /// `None` for a broadcast subscriber, which shares its queue with nobody.
    group: Option<Arc<str>>,
    room: Arc<Semaphore>,
    size: usize,
    /// As many permits as messages wait.
    ready: Semaphore,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Taken>,
    parked: VecDeque<Message>,
    is_closed: bool,
}

/// A message that was taken, and its place in the queue, which is free once this is dropped.
pub(super) struct Taken {
    pub(super) delivery: Delivery,
    _place: OwnedSemaphorePermit,
}

impl Queue {
    pub(super) fn new(topic: &Arc<str>, terms: &Terms) -> Self {
        let group = match &terms.mode {
            Mode::Group(name) => Some(Arc::from(&**name)),
            Mode::Broadcast => None,
        };
        let size = terms.room.clamp(1, Semaphore::MAX_PERMITS);
        Self {
            topic: Arc::clone(topic),
            group,
            room: Arc::new(Semaphore::new(size)),
            size,
            ready: Semaphore::new(0),
            state: Mutex::default(),
        }
    }

    pub(super) fn group(&self) -> Option<&Arc<str>> {
        self.group.as_ref()
    }

    /// Adds a message, once there is room.
    ///
    /// # Errors
    ///
    /// `too_many_requests` if there is no room within `patience`, `unavailable` if it is closed; the message was not
    /// taken then.
    pub(super) async fn push(
        &self,
        message: Message,
        attempt: u32,
        patience: Duration,
    ) -> Result<()> {
        let place = match timeout(patience, Arc::clone(&self.room).acquire_owned()).await {
            Ok(Ok(place)) => place,
            Ok(Err(_)) => return Err(self.has_left()),
            Err(_) => {
                let detail = format!("{self} has {} messages to handle, and no room", self.size);
                return Err(Error::too_many_requests(ID, detail).never_reached());
            }
        };
        let delivery = Delivery::new(Arc::clone(&self.topic), message, attempt);
        let mut state = self.state();
        // Under the lock: what is taken after the close would be found by nobody.
        if state.is_closed {
            return Err(self.has_left());
        }
        state.waiting.push_back(Taken {
            delivery,
            _place: place,
        });
        self.ready.add_permits(1);
        Ok(())
    }

    fn has_left(&self) -> Error {
        Error::unavailable(ID, format!("{self} has left")).never_reached()
    }

    /// Refuses messages from now on, also those whose publishers wait.
    pub(super) fn close(&self) {
        self.state().is_closed = true;
        self.room.close();
    }

    /// Waits until there is room for a message.
    #[cfg(feature = "broker-nats")]
    pub(super) async fn has_room(&self) {
        // Closed, it has none, and says so to who pushes.
        self.room.acquire().await.ok();
    }

    /// The next message. Nothing is lost if this is dropped.
    pub(super) async fn next(&self) -> Taken {
        loop {
            if let Some(taken) = self.take() {
                return taken;
            }
            // It is never closed. What it gives is kept: given back, it would go to another that waits.
            if let Ok(ready) = self.ready.acquire().await {
                ready.forget();
            }
            if let Some(taken) = self.state().waiting.pop_front() {
                return taken;
            }
        }
    }

    /// The next message, if one waits.
    pub(super) fn take(&self) -> Option<Taken> {
        self.ready.try_acquire().ok()?.forget();
        self.state().waiting.pop_front()
    }

    /// Puts a message back that was not handled, to be taken first.
    pub(super) fn give_back(&self, taken: Taken) {
        self.state().waiting.push_front(taken);
        self.ready.add_permits(1);
    }

    /// Keeps a message that could not be handled, with the reason; returns it as it is kept.
    pub(super) fn park(&self, delivery: Delivery, error: &Error) -> Message {
        let message = with_reason(delivery.message, delivery.attempt, error);
        self.keep(message.clone());
        message
    }

    /// Keeps a message that was parked.
    pub(super) fn keep(&self, message: Message) {
        let mut state = self.state();
        if state.parked.len() == PARKED
            && let Some(lost) = state.parked.pop_front()
        {
            let id = lost.metadata.get("Micro-Id");
            tracing::error!(
                id,
                "{PARKED} messages of {self} are parked: the oldest is lost"
            );
        }
        state.parked.push_back(message);
    }

    /// The message that was parked first, which is kept no more.
    pub(super) fn unpark(&self) -> Option<Delivery> {
        let message = self.state().parked.pop_front()?;
        Some(Delivery::new(Arc::clone(&self.topic), message, 1))
    }

    /// Hands out again what is parked, as if it were new, as far as there is room; says how many messages.
    ///
    /// # Errors
    ///
    /// As [`push`](Self::push), if there is no room for the first.
    pub(super) async fn replay(&self) -> Result<usize> {
        // What is parked again meanwhile is not replayed for ever.
        let parked = self.state().parked.len();
        for done in 0..parked {
            let Some(Delivery { message, .. }) = self.unpark() else {
                return Ok(done);
            };
            let again = without_reason(message.clone());
            if let Err(error) = self.push(again, 1, Duration::ZERO).await {
                self.state().parked.push_front(message);
                return if done > 0 { Ok(done) } else { Err(error) };
            }
        }
        Ok(parked)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Each change is one call, so that a panic leaves it whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Display for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.group {
            Some(group) => write!(f, "the group {group} of topic {}", self.topic),
            None => write!(f, "a broadcast subscriber of topic {}", self.topic),
        }
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        let state = self.state();
        let (waiting, parked) = (state.waiting.len(), state.parked.len());
        if waiting + parked > 0 {
            tracing::warn!(waiting, parked, "messages of {self} end with this process");
        }
    }
}
