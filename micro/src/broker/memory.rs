//! Messages within one process.
//!
//! Clones share one set of topics. Each group, and each broadcast subscriber, has one bounded queue in order of
//! publication; members of a group take from the group's queue. A full queue makes publishers wait, as long as there is
//! somebody to take from it.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{Mutex as AsyncMutex, OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{Backend, Broker, Capabilities, Consumer, Delivery, Mode, Subscription, Terms};
use crate::error::{Error, Result};
use crate::message::Message;

const ID: &str = "micro.broker.memory";

/// How many messages may wait for one group.
const WAITING: usize = 1024;

/// How long a failed message waits for its next try: this, doubled with each try.
const PAUSE: Duration = Duration::from_millis(100);

/// A broker within the process: at most once beyond it, ordered, gone with the process.
#[derive(Clone, Default)]
pub struct MemoryBroker(Arc<Topics>);

#[derive(Default)]
struct Topics(Mutex<HashMap<Arc<str>, Vec<Arc<Queue>>>>);

/// What one group, or one broadcast subscriber, has yet to handle.
struct Queue {
    /// `None` for a broadcast subscriber, which shares its queue with nobody.
    group: Option<String>,
    /// How many subscribers take from it.
    members: watch::Sender<usize>,
    sender: mpsc::Sender<Delivery>,
    receiver: AsyncMutex<mpsc::Receiver<Delivery>>,
}

impl MemoryBroker {
    /// A broker with topics of its own.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Queue {
    /// Waits until nobody takes from it.
    async fn is_deserted(&self) {
        // An error would mean that the sender, which is held here, is gone.
        let _ = self
            .members
            .subscribe()
            .wait_for(|members| *members == 0)
            .await;
    }
}

impl Topics {
    fn lock(&self) -> MutexGuard<'_, HashMap<Arc<str>, Vec<Arc<Queue>>>> {
        // The map is whole after any panic: each change is one call.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The queue of `group`, made if it is not there; a broadcast subscriber always gets a new one.
    fn queue(&self, topic: &Arc<str>, mode: &Mode) -> Arc<Queue> {
        let mut topics = self.lock();
        let queues = topics.entry(Arc::clone(topic)).or_default();
        let group = match mode {
            Mode::Group(name) => Some(name.to_string()),
            Mode::Broadcast => None,
        };
        let known = queues
            .iter()
            .find(|queue| group.is_some() && queue.group == group);
        if let Some(queue) = known {
            return Arc::clone(queue);
        }
        let (sender, receiver) = mpsc::channel(WAITING);
        let receiver = AsyncMutex::new(receiver);
        let queue = Arc::new(Queue {
            group,
            members: watch::Sender::new(0),
            sender,
            receiver,
        });
        queues.push(Arc::clone(&queue));
        queue
    }

    /// Forgets a broadcast subscriber's queue; a group's stays for its next member.
    fn leave(&self, topic: &Arc<str>, queue: &Arc<Queue>) {
        queue.members.send_modify(|members| *members -= 1);
        if queue.group.is_none()
            && let Some(queues) = self.lock().get_mut(topic)
        {
            queues.retain(|own| !Arc::ptr_eq(own, queue));
        }
    }

    async fn publish(&self, topic: &str, message: Message) {
        let queues = self
            .lock()
            .get_key_value(topic)
            .map(|(topic, queues)| (Arc::clone(topic), queues.clone()));
        let Some((topic, queues)) = queues else {
            return;
        };
        for queue in queues {
            let delivery = Delivery::new(Arc::clone(&topic), message.clone(), 1);
            tokio::select! {
                biased;
                // It cannot fail: the receiver lives in the queue that is held here.
                _ = queue.sender.send(delivery) => {}
                () = queue.is_deserted() => {
                    tracing::warn!(%topic, group = queue.group, "message lost: {WAITING} wait already, and nobody takes them");
                }
            }
        }
    }
}

#[async_trait]
impl Broker for MemoryBroker {
    async fn publish(&self, topic: &str, message: Message) -> Result<()> {
        self.0.publish(topic, message).await;
        Ok(())
    }

    async fn subscribe(
        &self,
        topic: &str,
        terms: Terms,
        consumer: Consumer,
    ) -> Result<Subscription> {
        if terms.durable {
            return Err(Error::bad_request(
                ID,
                format!(
                    "topic {topic} wants durable messages, and the memory broker keeps none: leave out `durable` or choose another broker"
                ),
            ));
        }
        let topic: Arc<str> = Arc::from(topic);
        let queue = self.0.queue(&topic, &terms.mode);
        queue.members.send_modify(|members| *members += 1);
        let stop = CancellationToken::new();
        let member = Member {
            topics: Arc::downgrade(&self.0),
            queue: Arc::clone(&queue),
            room: Arc::new(Semaphore::new(terms.concurrency.max(1))),
            terms,
            consumer,
            stop: stop.clone(),
        };
        let topics = Arc::clone(&self.0);
        tokio::spawn(member.run());
        Ok(Subscription::new(move || {
            topics.leave(&topic, &queue);
            stop.cancel();
        }))
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            at_least_once: false,
            durable: false,
        }
    }

    fn name(&self) -> &'static str {
        "memory"
    }
}

/// One subscriber, taking from the queue of its group.
struct Member {
    topics: Weak<Topics>,
    queue: Arc<Queue>,
    room: Arc<Semaphore>,
    terms: Terms,
    consumer: Consumer,
    stop: CancellationToken,
}

impl Member {
    /// Takes messages until the subscription ends, and then finishes what it took.
    async fn run(self) {
        let member = Arc::new(self);
        let mut handling = JoinSet::new();
        let next = || member.stop.run_until_cancelled(member.next());
        while let Some((room, delivery)) = next().await.flatten() {
            let handler = Arc::clone(&member);
            handling.spawn(async move {
                handler.handle(delivery).await;
                drop(room);
            });
            while handling.try_join_next().is_some() {}
        }
        handling.join_all().await;
    }

    /// The next message, once there is room to handle it. Nothing is lost if this is dropped.
    async fn next(&self) -> Option<(OwnedSemaphorePermit, Delivery)> {
        let room = Arc::clone(&self.room).acquire_owned().await.ok()?;
        let delivery = self.queue.receiver.lock().await.recv().await?;
        Some((room, delivery))
    }

    /// Tries until it is handled or parked.
    async fn handle(&self, mut delivery: Delivery) {
        let tries = if self.queue.group.is_some() {
            self.terms.tries.max(1)
        } else {
            1
        };
        loop {
            let Err(error) = self.consumer.handle(delivery.clone()).await else {
                return;
            };
            // What cannot be read will not be readable later.
            if delivery.attempt >= tries || matches!(error.code(), 400 | 415) {
                return self.park(delivery, &error).await;
            }
            tracing::warn!(topic = %delivery.topic, attempt = delivery.attempt, %error, "message failed, trying again");
            tokio::time::sleep(PAUSE * 2_u32.saturating_pow(delivery.attempt - 1)).await;
            delivery.attempt += 1;
            if self.stop.is_cancelled() {
                // Another member goes on with it.
                return self.hand_back(delivery);
            }
        }
    }

    fn hand_back(&self, delivery: Delivery) {
        if let Err(full) = self.queue.sender.try_send(delivery) {
            tracing::error!(topic = %full.into_inner().topic, "message lost: the queue of its group is full");
        }
    }

    async fn park(&self, delivery: Delivery, error: &Error) {
        let Some(group) = &self.queue.group else {
            tracing::warn!(topic = %delivery.topic, %error, "broadcast message failed");
            return;
        };
        let dead = format!("dead.{}.{group}", delivery.topic);
        tracing::warn!(topic = %delivery.topic, attempts = delivery.attempt, %error, parked = dead, "message failed for good");
        let mut message = delivery.message;
        message.metadata.set("micro-reason", &error.to_json());
        if let Some(topics) = self.topics.upgrade() {
            topics.publish(&dead, message).await;
        }
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
