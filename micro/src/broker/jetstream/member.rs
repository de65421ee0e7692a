//! One subscriber: takes messages, handles them, and tells the server what came of them.

use std::pin::pin;
use std::sync::Arc;

use async_nats::jetstream::AckKind;
use async_nats::jetstream::consumer::DeliverPolicy;
use async_nats::jetstream::message::Message as Taken;
use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::source::{ACK, Source};
use super::{ID, Inner};
use crate::broker::member::{pause, reported};
use crate::broker::nats::GROUP;
use crate::broker::parked::with_reason;
use crate::broker::{Consumer, Delivery, Mode, Terms, dead, envelope};
use crate::error::{Error, Result};
use crate::message::{ContentType, Message};
use crate::nats::{self, ANSWER, token};

/// How often a message may be handed out again beyond its tries because whoever handled it ended, until it is parked.
const ENDED: u32 = 16;

/// One subscriber.
pub(super) struct Member {
    inner: Arc<Inner>,
    topic: Arc<str>,
    /// `None` of a broadcast subscriber, which shares its queue with nobody.
    group: Option<String>,
    /// What the server calls its queue.
    name: String,
    terms: Terms,
    consumer: Consumer,
    leaving: CancellationToken,
}

impl Member {
    /// A member of the group, and its place at the group's queue.
    pub(super) async fn join(
        inner: &Arc<Inner>,
        topic: &str,
        terms: Terms,
        consumer: Consumer,
    ) -> Result<(Arc<Self>, Source)> {
        let (group, name) = match &terms.mode {
            Mode::Group(group) => (Some(group.to_string()), format!("{topic}.{group}")),
            Mode::Broadcast => (None, format!("{topic}.{}", crate::id::random())),
        };
        let member = Self {
            inner: Arc::clone(inner),
            topic: Arc::from(topic),
            name: token(&name),
            group,
            terms,
            consumer,
            leaving: CancellationToken::new(),
        };
        let source = member.open(DeliverPolicy::New).await?;
        Ok((Arc::new(member), source))
    }

    async fn open(&self, since: DeliverPolicy) -> Result<Source> {
        let is_shared = self.group.is_some();
        Source::open(&self.inner, &self.topic, &self.name, is_shared, since).await
    }

    /// Takes messages until `left`, and then finishes those in its hands; the others stay with the server for the group, but a
    /// broadcast subscriber finishes all.
    pub(super) async fn run(self: Arc<Self>, mut source: Source, left: BoxFuture<'static, ()>) {
        let mut handling = JoinSet::new();
        let mut left = pin!(left);
        loop {
            let lost = tokio::select! {
                biased;
                () = &mut left => break,
                lost = self.take(&mut source, &mut handling) => lost,
            };
            tracing::warn!(topic = %self.topic, "no messages from JetStream: {lost}; trying again");
            source = tokio::select! {
                biased;
                () = &mut left => break,
                source = self.open_again(source.since) => source,
            };
        }
        self.leaving.cancel();
        for taken in source.close().await {
            match self.group {
                // Another member handles it.
                Some(_) => self.say(&taken, AckKind::Nak(None)).await,
                None => self.begin(taken, &mut handling),
            }
        }
        if self.group.is_none() {
            self.finish(&source, &mut handling).await;
        }
        while handling.join_next().await.is_some_and(reported) {}
        if let Ok(client) = self.inner.nats.client().await
            && let Err(error) = self.inner.nats.heard(client).await
        {
            tracing::warn!(%error, "the last acks may not have arrived: their messages are handed out again");
        }
    }

    /// Takes messages for ever; why there are no more.
    async fn take(self: &Arc<Self>, source: &mut Source, handling: &mut JoinSet<()>) -> String {
        loop {
            let room = self.terms.concurrency.max(1).saturating_sub(handling.len());
            tokio::select! {
                taken = source.next(room), if room > 0 => match taken {
                    Ok(taken) => {
                        if let Ok(info) = taken.info() {
                            source.since = DeliverPolicy::ByStartTime { start_time: info.published };
                        }
                        self.begin(taken, handling);
                    }
                    Err(lost) => return lost,
                },
                Some(ended) = handling.join_next(), if !handling.is_empty() => drop(reported(ended)),
            }
        }
    }

    fn begin(self: &Arc<Self>, taken: Taken, handling: &mut JoinSet<()>) {
        let member = Arc::clone(self);
        handling.spawn(async move { member.handle(taken).await });
    }

    /// A place at the queue again, which begins `since` if the server has lost it.
    async fn open_again(&self, since: DeliverPolicy) -> Source {
        let mut tries = 1;
        loop {
            match self.open(since).await {
                Ok(source) => return source,
                Err(error) => tracing::debug!(%error, tries, "JetStream"),
            }
            tries += 1;
            sleep(nats::pause(tries)).await;
        }
    }

    /// Takes what is left for a broadcast subscriber, and has the server forget it.
    async fn finish(self: &Arc<Self>, source: &Source, handling: &mut JoinSet<()>) {
        let most = self.terms.concurrency.max(1);
        loop {
            while handling.len() >= most {
                let _ = handling.join_next().await.map(reported);
            }
            let room = most - handling.len();
            let Ok(mut batch) = source.queue.fetch().max_messages(room).messages().await else {
                break;
            };
            let mut came = 0;
            while let Ok(Some(Ok(taken))) = timeout(ANSWER, batch.next()).await {
                self.begin(taken, handling);
                came += 1;
            }
            if came == 0 {
                break;
            }
        }
        let stream = &source.queue.cached_info().stream_name;
        if let Ok(context) = self.inner.context().await {
            // If not, it does so by itself after a while.
            let forgotten = context.delete_consumer_from_stream(&self.name, stream);
            forgotten.await.ok();
        }
    }

    async fn handle(&self, taken: Taken) {
        let Ok(info) = taken.info() else { return };
        let attempt = u32::try_from(info.delivered).unwrap_or(1);
        let only = taken.headers.as_ref().and_then(|all| all.get(GROUP));
        if only.is_some_and(|only| Some(only.as_str()) != self.group.as_deref()) {
            return self.say(&taken, AckKind::Ack).await;
        }
        let delivery = |message| Delivery::new(Arc::clone(&self.topic), message, attempt);
        match envelope::read(Some(&self.topic), &taken.payload) {
            Err(error) => {
                let raw = Message {
                    content_type: ContentType::new("application/octet-stream"),
                    metadata: crate::Metadata::new(),
                    body: taken.payload.clone(),
                };
                self.end(&taken, delivery(raw), Err(error.permanent()))
                    .await;
            }
            Ok(opened) if attempt > self.terms.tries().saturating_add(ENDED) => {
                let detail = "whoever handled it ended before it was handled";
                let error = Error::internal(ID, detail).permanent();
                self.end(&taken, delivery(opened.message), Err(error)).await;
            }
            Ok(opened) => {
                let delivery = delivery(opened.message);
                let handled = self.consumer.handle(delivery.clone());
                let handled = self.hold(&taken, handled).await;
                self.end(&taken, delivery, handled).await;
            }
        }
    }

    /// Tells the server what came of a message.
    async fn end(&self, taken: &Taken, delivery: Delivery, handled: Result<()>) {
        let Err(error) = handled else {
            return self.say(taken, AckKind::Ack).await;
        };
        let topic = &self.topic;
        let Some(group) = &self.group else {
            tracing::warn!(%topic, %error, "a broadcast message failed");
            return self.say(taken, AckKind::Ack).await;
        };
        let attempt = delivery.attempt;
        if attempt >= self.terms.tries() || error.is_permanent() {
            let dead = dead(topic, group);
            tracing::warn!(%topic, %group, attempt, %error, "a message failed for good: parked in {dead}");
            let message = with_reason(delivery.message, attempt, &error);
            let kept = self
                .inner
                .keep(&dead, &message, async_nats::HeaderMap::new());
            match self.hold(taken, kept).await {
                Ok(()) => return self.say(taken, AckKind::Ack).await,
                Err(error) => {
                    tracing::warn!(%error, "a message cannot be parked: it is tried again")
                }
            }
        } else {
            tracing::warn!(%topic, %group, attempt, %error, "a message failed, trying again");
        }
        let pause = self.leaving.run_until_cancelled(sleep(pause(attempt)));
        self.hold(taken, pause).await;
        // The server must know before it is asked for another: that is to be this one.
        let said = taken.double_ack_with(AckKind::Nak(None));
        if let Err(error) = said.await {
            tracing::debug!(%error, "a message is handed out again later");
        }
    }

    /// Does `work`, while the server is told that the message is still being handled.
    async fn hold<T>(&self, taken: &Taken, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        loop {
            tokio::select! {
                biased;
                done = &mut work => return done,
                () = sleep(ACK / 3) => self.say(taken, AckKind::Progress).await,
            }
        }
    }

    async fn say(&self, taken: &Taken, what: AckKind) {
        // It waits no longer than for a connection; what is not said is handed out again.
        match timeout(ANSWER, taken.ack_with(what)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, "an ack was not sent"),
            Err(_) => tracing::debug!("an ack was not sent in time"),
        }
    }
}
