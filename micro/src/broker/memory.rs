//! Messages within one process.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use futures_util::future::join_all;

use super::member::Member;
use super::queue::{PATIENCE, Queue};
use super::{Backend, Broker, Capabilities, Consumer, Mode, Subscription, Terms};
use crate::error::Result;
use crate::message::Message;

/// A broker within the process. Clones share their topics.
///
/// Each group, and each broadcast subscriber, has one queue in order of publication, with the [room](Terms::room) that its
/// first member asked for; publishers wait for room up to 5 s, and are told if there is none. Members of a group take from
/// the group's queue, which stays when the last of them leaves, with what they gave back; but what is published
/// while a group has no member is not for it. Up to 1,024 messages are parked for each group.
///
/// Everything is gone with the process.
#[derive(Clone, Default)]
pub struct MemoryBroker(Arc<Topics>);

#[derive(Default)]
struct Topics(Mutex<HashMap<Arc<str>, Vec<Seat>>>);

/// A queue, and how many members take from it.
struct Seat {
    queue: Arc<Queue>,
    members: usize,
}

impl MemoryBroker {
    /// A broker with topics of its own.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Topics {
    fn lock(&self) -> MutexGuard<'_, HashMap<Arc<str>, Vec<Seat>>> {
        // The map is whole after any panic: each change is one call.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place at the queue of the group, made if it is not there; a broadcast subscriber always gets a new one.
    fn join(&self, topic: &Arc<str>, terms: &Terms) -> Arc<Queue> {
        let mut topics = self.lock();
        let seats = topics.entry(Arc::clone(topic)).or_default();
        if let Mode::Group(name) = &terms.mode
            && let Some(seat) = seats.iter_mut().find(|seat| seat.is_of(name))
        {
            seat.members += 1;
            return Arc::clone(&seat.queue);
        }
        let queue = Arc::new(Queue::new(topic, terms));
        seats.push(Seat {
            queue: Arc::clone(&queue),
            members: 1,
        });
        queue
    }

    /// Gives a place up. A group's queue stays for its next member.
    fn leave(&self, topic: &str, queue: &Arc<Queue>) {
        let mut topics = self.lock();
        let Some(seats) = topics.get_mut(topic) else {
            return;
        };
        for seat in seats.iter_mut() {
            seat.members -= usize::from(Arc::ptr_eq(&seat.queue, queue));
        }
        seats.retain(|seat| seat.members > 0 || seat.queue.group().is_some());
        if queue.group().is_none() {
            queue.close();
        }
    }

    /// The queues of those who listen to `topic`.
    fn listening(&self, topic: &str) -> Vec<Arc<Queue>> {
        let topics = self.lock();
        let seats = topics.get(topic).into_iter().flatten();
        seats
            .filter(|seat| seat.members > 0)
            .map(|seat| Arc::clone(&seat.queue))
            .collect()
    }

    /// The queue of a group, whether or not it has a member.
    fn find(&self, topic: &str, group: &str) -> Option<Arc<Queue>> {
        let topics = self.lock();
        let seat = topics.get(topic)?.iter().find(|seat| seat.is_of(group))?;
        Some(Arc::clone(&seat.queue))
    }
}

impl Seat {
    fn is_of(&self, group: &str) -> bool {
        self.queue.group().is_some_and(|own| **own == *group)
    }
}

#[async_trait]
impl Broker for MemoryBroker {
    async fn publish(&self, topic: &str, message: Message) -> Result<()> {
        let queues = self.0.listening(topic);
        // At once, so that one that is full keeps no message from the others.
        let pushed = join_all(
            queues
                .iter()
                .map(|queue| queue.push(message.clone(), 1, PATIENCE)),
        )
        .await;
        for (queue, outcome) in queues.iter().zip(pushed) {
            match outcome {
                // It left just now.
                Err(error) if error.code() == 503 => {
                    tracing::debug!(%queue, "a subscriber left before a message came");
                }
                outcome => outcome?,
            }
        }
        Ok(())
    }

    async fn subscribe(
        &self,
        topic: &str,
        terms: Terms,
        consumer: Consumer,
    ) -> Result<Subscription> {
        terms.check(topic, self)?;
        let topic: Arc<str> = Arc::from(topic);
        let queue = self.0.join(&topic, &terms);
        let member = Member::new(&queue, terms, consumer, Arc::new(self.clone()));
        let topics = Arc::clone(&self.0);
        Ok(Subscription::new(|left| async move {
            let leave = async {
                left.await;
                topics.leave(&topic, &queue);
            };
            member.run(leave).await;
        }))
    }

    async fn replay(&self, topic: &str, group: &str) -> Result<usize> {
        match self.0.find(topic, group) {
            Some(queue) => queue.replay().await,
            None => Ok(0),
        }
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::IN_MEMORY
    }

    fn is_secured(&self) -> bool {
        // Nothing leaves the process.
        true
    }

    fn name(&self) -> &'static str {
        "memory"
    }
}

impl fmt::Debug for MemoryBroker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MemoryBroker")
    }
}

inventory::submit! {
    Backend { names: &["memory"], open: |_| Ok(Arc::new(MemoryBroker::new())) }
}
