//! One subscriber: takes, tries, tries again, parks, and sits down anew when its connection is lost.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use lapin::message::Delivery;
use lapin::options::{
    BasicAckOptions, BasicCancelOptions, BasicConsumeOptions, BasicNackOptions, BasicQosOptions,
    QueueBindOptions, QueueDeclareOptions,
};
use lapin::types::{FieldTable, ShortString};
use lapin::{Channel, Consumer as Deliveries};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::names::{parked, short};
use super::publisher::To;
use super::{ID, Inner, RabbitMqBroker, message};
use crate::broker::member::{pause, reported};
use crate::broker::parked::with_reason;
use crate::broker::{self, Broker as _, Consumer, Terms, dead};
use crate::error::{Error, Result};
use crate::message::Message;

/// How many messages are taken ahead: the server keeps a lost connection's for half an hour at most, and others want some.
const AHEAD: usize = 128;

/// How long a subscriber waits until it looks again for a server that is away: first, and at most.
const PAUSE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// A subscriber, wherever it sits.
pub(super) struct Member {
    broker: RabbitMqBroker,
    topic: ShortString,
    /// The queue of its group; `None` for a broadcast subscriber.
    queue: Option<ShortString>,
    terms: Terms,
    consumer: Consumer,
    room: Arc<Semaphore>,
    leaving: CancellationToken,
}

/// Where messages come from, as long as the connection lasts.
pub(super) struct Seat {
    channel: Channel,
    deliveries: Deliveries,
    queue: ShortString,
}

impl Member {
    pub(super) fn new(
        broker: &RabbitMqBroker,
        topic: ShortString,
        queue: Option<ShortString>,
        terms: Terms,
        consumer: Consumer,
    ) -> Arc<Self> {
        Arc::new(Self {
            broker: broker.clone(),
            topic,
            queue,
            room: Arc::new(Semaphore::new(terms.concurrency.max(1))),
            terms,
            consumer,
            leaving: CancellationToken::new(),
        })
    }

    fn inner(&self) -> &Inner {
        &self.broker.0
    }

    /// Declares everything, and has messages sent.
    pub(super) async fn sit(&self) -> Result<Seat> {
        let Inner { layout, amqp, .. } = self.inner();
        let channel = amqp.channel().await?;
        let ahead = self.terms.room.clamp(1, AHEAD.max(self.terms.concurrency));
        let ahead = u16::try_from(ahead).unwrap_or(u16::MAX);
        let ask = channel.basic_qos(ahead, BasicQosOptions::default());
        amqp.ask("limiting what is sent", ask).await?;
        layout.declare_exchange(amqp, &channel).await?;
        let queue = match &self.queue {
            Some(queue) => {
                let is_durable = self.terms.durable;
                layout
                    .declare_group(amqp, &channel, queue, is_durable)
                    .await?;
                queue.clone()
            }
            None => {
                let options = QueueDeclareOptions::exclusive();
                let declared = channel.queue_declare("".into(), options, FieldTable::default());
                amqp.ask("declaring a queue", declared)
                    .await?
                    .name()
                    .clone()
            }
        };
        let bound = channel.queue_bind(
            queue.clone(),
            layout.exchange(),
            self.topic.clone(),
            QueueBindOptions::default(),
            FieldTable::default(),
        );
        amqp.ask("binding a queue", bound).await?;
        let deliveries = channel.basic_consume(
            queue.clone(),
            "".into(),
            BasicConsumeOptions::default(),
            FieldTable::default(),
        );
        let deliveries = amqp.ask("subscribing", deliveries).await?;
        Ok(Seat {
            channel,
            deliveries,
            queue,
        })
    }

    /// Takes messages until `left`, and then finishes those in its hands. The others go back to the group; a broadcast subscriber
    /// finishes them all.
    pub(super) async fn run(self: Arc<Self>, seat: Seat, left: impl Future<Output = ()>) {
        let (mut seat, mut handling) = (Some(seat), JoinSet::new());
        let mut left = pin!(left);
        loop {
            let (place, delivery) = tokio::select! {
                biased;
                () = &mut left => break,
                next = self.next(&mut seat) => next,
            };
            self.spawn(&mut handling, place, delivery);
        }
        self.leaving.cancel();
        let Some(mut seat) = seat else {
            while handling.join_next().await.is_some_and(reported) {}
            return;
        };
        let left = match &self.queue {
            Some(_) => self.give_back(&mut seat).await,
            None => self.finish(&mut seat, &mut handling).await,
        };
        if let Err(error) = left {
            tracing::debug!(topic = %self.topic, %error, "the connection was lost while a subscriber left");
        }
        while handling.join_next().await.is_some_and(reported) {}
        let closed = seat.channel.close(200, "left".into());
        // What it still had is with its group once the server has heard of it, or of the end of the connection.
        let _ = self.inner().amqp.ask("leaving", closed).await;
    }

    fn spawn(
        self: &Arc<Self>,
        handling: &mut JoinSet<()>,
        place: Option<OwnedSemaphorePermit>,
        delivery: Delivery,
    ) {
        let member = Arc::clone(self);
        handling.spawn(async move {
            member.handle(delivery).await;
            drop(place);
        });
        while handling.try_join_next().is_some_and(reported) {}
    }

    /// The next message, once there is room to handle it. Nothing is lost if this is dropped.
    async fn next(&self, seat: &mut Option<Seat>) -> (Option<OwnedSemaphorePermit>, Delivery) {
        // It is never closed.
        let place = Arc::clone(&self.room).acquire_owned().await.ok();
        loop {
            let Some(held) = seat else {
                *seat = Some(self.sit_again().await);
                continue;
            };
            match held.deliveries.next().await {
                Some(Ok(delivery)) => return (place, delivery),
                ended => {
                    let why = ended.and_then(|ended| ended.err().map(|error| error.to_string()));
                    let why = why.unwrap_or_else(|| "its queue is gone".to_owned());
                    tracing::warn!(topic = %self.topic, why, "a subscription to RabbitMQ was lost");
                    *seat = None;
                }
            }
        }
    }

    /// A new seat, once there is a server.
    async fn sit_again(&self) -> Seat {
        let mut wait = PAUSE.0;
        loop {
            sleep(wait.mul_f64(0.5 + fastrand::f64() / 2.0)).await;
            match self.sit().await {
                Ok(seat) => {
                    tracing::info!(topic = %self.topic, "a subscription to RabbitMQ goes on");
                    return seat;
                }
                Err(error) => {
                    match error.is_never_reached() {
                        true => {
                            tracing::debug!(topic = %self.topic, %error, "RabbitMQ is still away")
                        }
                        false => {
                            tracing::warn!(topic = %self.topic, %error, "RabbitMQ takes no subscription")
                        }
                    }
                    wait = (wait * 2).min(PAUSE.1);
                }
            }
        }
    }

    /// Has no more messages sent, and gives those back that nobody began to handle.
    async fn give_back(&self, seat: &mut Seat) -> Result<()> {
        let amqp = &self.inner().amqp;
        let cancelled = seat
            .channel
            .basic_cancel(seat.deliveries.tag(), BasicCancelOptions::default());
        amqp.ask("unsubscribing", cancelled).await?;
        let rest = async {
            while let Some(delivery) = seat.deliveries.next().await {
                again(&delivery?).await?;
            }
            Ok(())
        };
        amqp.ask("giving messages back", rest).await
    }

    /// Handles all that is in the queue of a broadcast subscriber, to which nothing is added any more.
    async fn finish(self: &Arc<Self>, seat: &mut Seat, handling: &mut JoinSet<()>) -> Result<()> {
        let Inner {
            layout,
            amqp,
            publisher,
            ..
        } = self.inner();
        let unbound = seat.channel.queue_unbind(
            seat.queue.clone(),
            layout.exchange(),
            self.topic.clone(),
            FieldTable::default(),
        );
        amqp.ask("unsubscribing", unbound).await?;
        let to = To::queue(seat.queue.clone());
        publisher.publish(to, message::last(), b"").await?;
        while let Some(delivery) = seat.deliveries.next().await {
            let delivery = delivery.map_err(|source| amqp.failed("unsubscribing", source))?;
            if message::is_last(&delivery) {
                return Ok(());
            }
            let place = Arc::clone(&self.room).acquire_owned().await.ok();
            self.spawn(handling, place, delivery);
        }
        Ok(())
    }

    /// Tries until the message is handled or parked; a member that is leaving gives it back between two tries.
    async fn handle(&self, mut delivery: Delivery) {
        let (message, mut tried) = message::read(self.topic.as_str(), &mut delivery);
        let topic: Arc<str> = Arc::from(self.topic.as_str());
        loop {
            let attempt = tried.saturating_add(1);
            let try_ = broker::Delivery::new(Arc::clone(&topic), message.clone(), attempt);
            let Err(error) = self.consumer.handle(try_).await else {
                return acked(&delivery).await;
            };
            let Some(queue) = &self.queue else {
                tracing::warn!(%topic, %error, "a broadcast message failed");
                return acked(&delivery).await;
            };
            if attempt >= self.terms.tries() || error.is_permanent() {
                let parked = self.park(queue, message, attempt, &error).await;
                return self.moved(&delivery, parked).await;
            }
            tracing::warn!(%topic, %queue, attempt, %error, "a message failed, trying again");
            tried = attempt;
            let wait = sleep(pause(attempt));
            if self.leaving.run_until_cancelled(wait).await.is_none() {
                let to = To::queue(queue.clone());
                let properties = message::write(&topic, &message, tried);
                let publisher = &self.inner().publisher;
                let moved = publisher.publish(to, properties, &message.body).await;
                return self.moved(&delivery, moved).await;
            }
        }
    }

    /// Takes a message away that has a place elsewhere; it stays where it was if it has none.
    async fn moved(&self, delivery: &Delivery, moved: Result<()>) {
        match moved {
            Ok(()) => acked(delivery).await,
            Err(error) => {
                tracing::warn!(topic = %self.topic, %error, "a message that failed could not be moved: it comes again");
                // Not at once, since the server is away.
                self.leaving.run_until_cancelled(sleep(PAUSE.1)).await;
                if let Err(error) = again(delivery).await {
                    tracing::debug!(%error, "the connection was lost before a message was given back");
                }
            }
        }
    }

    async fn park(
        &self,
        queue: &ShortString,
        message: Message,
        attempts: u32,
        error: &Error,
    ) -> Result<()> {
        let topic = self.topic.as_str();
        let group = match &self.terms.mode {
            broker::Mode::Group(group) => &**group,
            broker::Mode::Broadcast => return Err(Error::internal(ID, "broadcast is not parked")),
        };
        let dead = dead(topic, group);
        tracing::warn!(topic, group, attempts, %error, "a message failed for good: parked in {dead}");
        let message = with_reason(message, attempts, error);
        let to = To::queue(short(&parked(queue.as_str()))?);
        let properties = message::write(topic, &message, 0);
        let publisher = &self.inner().publisher;
        publisher.publish(to, properties, &message.body).await?;
        if let Err(error) = self.broker.publish(&dead, message).await {
            tracing::warn!(%error, "a subscriber of {dead} was not told");
        }
        Ok(())
    }
}

/// Says that a message is done with; if that is not heard, it comes again.
async fn acked(delivery: &Delivery) {
    if let Err(error) = delivery.ack(BasicAckOptions::default()).await {
        tracing::debug!(%error, "the connection was lost before a message was acked");
    }
}

/// Gives a message back.
async fn again(delivery: &Delivery) -> lapin::Result<()> {
    let options = BasicNackOptions {
        multiple: false,
        requeue: true,
    };
    delivery.nack(options).await.map(drop)
}
