//! One subscriber that takes from a queue: tries, tries again, and parks.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::queue::{Queue, Taken};
use super::{Broker, Consumer, Terms, dead};
use crate::error::Error;

/// How long a failed message waits for its next try: the first pause, doubled with each try, and the longest.
const PAUSE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(10));

/// A subscriber, and the queue of its group or its own.
pub(super) struct Member {
    queue: Arc<Queue>,
    terms: Terms,
    consumer: Consumer,
    /// Where others are told of what is parked.
    broker: Arc<dyn Broker>,
    leaving: CancellationToken,
}

impl Member {
    pub(super) fn new(
        queue: &Arc<Queue>,
        terms: Terms,
        consumer: Consumer,
        broker: Arc<dyn Broker>,
    ) -> Arc<Self> {
        Arc::new(Self {
            queue: Arc::clone(queue),
            terms,
            consumer,
            broker,
            leaving: CancellationToken::new(),
        })
    }

    /// Takes messages until `left`, and then finishes those in its hands; the others stay in the queue for the group, but
    /// a broadcast subscriber has none, and finishes them all.
    pub(super) async fn run(self: &Arc<Self>, left: impl Future<Output = ()>) {
        let room = Arc::new(Semaphore::new(self.terms.concurrency.max(1)));
        let mut handling = JoinSet::new();
        let mut left = pin!(left);
        loop {
            let (place, taken) = tokio::select! {
                biased;
                () = &mut left => break,
                next = self.next(&room) => next,
            };
            let member = Arc::clone(self);
            handling.spawn(async move {
                member.handle(taken).await;
                drop(place);
            });
            while handling.try_join_next().is_some_and(reported) {}
        }
        self.leaving.cancel();
        while handling.join_next().await.is_some_and(reported) {}
        while self.queue.group().is_none()
            && let Some(taken) = self.queue.take()
        {
            self.handle(taken).await;
        }
    }

    /// The next message, once there is room to handle it. Nothing is lost if this is dropped.
    async fn next(&self, room: &Arc<Semaphore>) -> (Option<OwnedSemaphorePermit>, Taken) {
        // It is never closed.
        let place = Arc::clone(room).acquire_owned().await.ok();
        (place, self.queue.next().await)
    }

    /// Tries until the message is handled or parked; a member that is leaving gives it back between two tries.
    pub(super) async fn handle(&self, mut taken: Taken) {
        loop {
            let Err(error) = self.consumer.handle(taken.delivery.clone()).await else {
                return;
            };
            let delivery = &mut taken.delivery;
            let Some(group) = self.queue.group() else {
                tracing::warn!(topic = %delivery.topic, %error, "a broadcast message failed");
                return;
            };
            if delivery.attempt >= self.terms.tries() || error.is_permanent() {
                return self.park(taken, group, &error).await;
            }
            tracing::warn!(topic = %delivery.topic, %group, attempt = delivery.attempt, %error, "a message failed, trying again");
            let pause = tokio::time::sleep(pause(delivery.attempt));
            delivery.attempt += 1;
            if self.leaving.run_until_cancelled(pause).await.is_none() {
                return self.queue.give_back(taken);
            }
        }
    }

    async fn park(&self, taken: Taken, group: &str, error: &Error) {
        let delivery = taken.delivery.clone();
        let (topic, attempts) = (Arc::clone(&delivery.topic), delivery.attempt);
        let dead = dead(&topic, group);
        tracing::warn!(%topic, %group, attempts, %error, "a message failed for good: parked in {dead}");
        let message = self.queue.park(delivery, error);
        if let Err(error) = self.broker.publish(&dead, message).await {
            tracing::warn!(%error, "a subscriber of {dead} was not told");
        }
    }
}

/// Half of the time is random, so that what failed together is not tried together again.
pub(super) fn pause(attempt: u32) -> Duration {
    let longest = PAUSE
        .0
        .saturating_mul(2_u32.saturating_pow(attempt - 1))
        .min(PAUSE.1);
    longest.mul_f64(0.5 + fastrand::f64() / 2.0)
}

/// Always true, once it has said what went wrong.
pub(super) fn reported(ended: Result<(), tokio::task::JoinError>) -> bool {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!(%error, "a consumer panicked: its message is lost");
    }
    true
}
