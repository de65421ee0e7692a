//! Messages through NATS' JetStream, which keeps them until they were handled.

mod member;
mod source;

use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::jetstream::context::{GetStreamByNameErrorKind, PublishErrorKind};
use async_nats::jetstream::message::{PublishMessage, StreamMessage};
use async_nats::jetstream::stream::{self, RawMessageErrorKind, Stream};
use async_nats::jetstream::{Context, ContextBuilder};
use async_trait::async_trait;

use self::member::Member;
use super::nats::{GROUP, check};
use super::parked::without_reason;
use super::{
    Backend, Broker, Capabilities, Consumer, Options, Order, Redelivery, Subscription, Terms, dead,
    envelope,
};
use crate::error::{Error, Result};
use crate::limits::Limits;
use crate::message::Message;
use crate::nats::{ANSWER, Nats, token};

const ID: &str = "micro.broker.jetstream";

/// How long a message is kept.
const AGE: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Of how many topics it is remembered that they have a stream.
const MOST: usize = 10_000;

inventory::submit! {
    Backend { names: &["jetstream"], open: |options| Ok(Arc::new(JetStreamBroker::new(options)?)) }
}

/// A broker on NATS with JetStream (2.9 and later): chosen by `--broker=jetstream`.
///
/// The address, the user and TLS are those of [`NatsBroker`](super::NatsBroker), and so is the form of messages: what its
/// publishers, and go-micro's, send to a topic is kept here, too, and its subscribers get what is published here.
///
/// A topic is a subject, kept in the stream that has it among its subjects. If none has, the stream `TOPIC` is made: on
/// disk, one replica, for 7 days; one that an operator made, or changed, is used as it is. A group is a durable consumer of
/// it, `TOPIC_GROUP`, made by its first member and there until somebody deletes it. In names a dot is `_`, and what is
/// neither letter, digit nor dash is written as `=` and its code.
///
/// # Promises
///
/// At least once. A publisher is told when the message is on the server's disk, tries twice, and the server drops what
/// came twice within 2 minutes. A message is acked when the handler returned `Ok`, and handed out again when it failed, or
/// when nobody said for 15 s that it is still being handled, as after kill -9; the server counts its tries. A member takes no more than
/// it handles at once, so that nothing waits in its hands. With one member that handles one at a time messages come in order, but for those in the hands
/// of a member that was killed.
///
/// A message that failed for good is published to `dead.TOPIC.GROUP`, and acked once that is kept; it stays there when it
/// is read, until it is replayed. One whose subscriber ended 16 times more than it may be tried is parked, too. A replay
/// names its group in the header `Micro-Group`, and all others leave it; subscribers of go-micro do not.
///
/// While the servers are away publishers get `unavailable`, and members wait. A server that came back empty has lost what it
/// held; groups that have a member are made again, and get all that was published since.
#[derive(Clone)]
pub struct JetStreamBroker(Arc<Inner>);

struct Inner {
    nats: Nats,
    limits: Limits,
    context: OnceLock<Context>,
    /// Topics that had a stream when something was last published to them.
    kept: Mutex<HashSet<String>>,
}

impl JetStreamBroker {
    /// The servers that `options` name. Nothing is connected yet.
    ///
    /// # Errors
    ///
    /// `bad_request` if an address is none, or if a file that the TLS options name cannot be read.
    pub fn new(options: &Options) -> Result<Self> {
        Ok(Self(Arc::new(Inner {
            nats: Nats::new(ID, &options.addresses, &options.tls)?,
            limits: options.limits.clone(),
            context: OnceLock::new(),
            kept: Mutex::default(),
        })))
    }
}

#[async_trait]
impl Broker for JetStreamBroker {
    async fn publish(&self, topic: &str, message: Message) -> Result<()> {
        check(ID, topic)?;
        self.0.keep(topic, &message, HeaderMap::new()).await
    }

    async fn subscribe(
        &self,
        topic: &str,
        terms: Terms,
        consumer: Consumer,
    ) -> Result<Subscription> {
        terms.check(topic, self)?;
        check(ID, topic)?;
        let (member, source) = Member::join(&self.0, topic, terms, consumer).await?;
        Ok(Subscription::new(|left| member.run(source, left)))
    }

    async fn replay(&self, topic: &str, group: &str) -> Result<usize> {
        let dead = dead(topic, group);
        let Some(stream) = self.0.find(&dead).await? else {
            return Ok(0);
        };
        let Some(last) = self.0.parked(&stream, &dead, None).await? else {
            return Ok(0);
        };
        let (mut replayed, mut next) = (0, 1);
        while let Some(found) = self.0.parked(&stream, &dead, Some(next)).await? {
            // What is parked again meanwhile is not replayed for ever.
            if found.sequence > last.sequence {
                break;
            }
            let message = without_reason(envelope::read(Some(topic), &found.payload)?.message);
            let mut headers = HeaderMap::new();
            headers.insert(GROUP, group);
            self.0.keep(topic, &message, headers).await?;
            let deleted = stream.delete_message(found.sequence).await;
            deleted.map_err(|error| self.0.nats.away(error))?;
            (replayed, next) = (replayed + 1, found.sequence + 1);
        }
        Ok(replayed)
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            at_least_once: true,
            durable: true,
            redelivery: Redelivery::Broker,
            order: Order::Topic,
            waits: false,
        }
    }

    fn is_secured(&self) -> bool {
        self.0.nats.is_secured()
    }

    fn name(&self) -> &'static str {
        "jetstream"
    }
}

impl Inner {
    async fn context(&self) -> Result<&Context> {
        let client = self.nats.client().await?;
        let new = || ContextBuilder::new().timeout(ANSWER).build(client.clone());
        Ok(self.context.get_or_init(new))
    }

    /// The stream that has `topic`.
    async fn find(&self, topic: &str) -> Result<Option<Stream<()>>> {
        let context = self.context().await?;
        let name = match context.stream_by_subject(topic).await {
            Ok(name) => name,
            Err(error) if error.kind() == GetStreamByNameErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.without(error)),
        };
        let stream = context.get_stream_no_info(name).await;
        stream.map(Some).map_err(|error| self.without(error))
    }

    /// The stream that has `topic`, made if there is none.
    async fn stream(&self, topic: &str) -> Result<Stream<()>> {
        if let Some(stream) = self.find(topic).await? {
            return Ok(stream);
        }
        let config = stream::Config {
            name: token(topic),
            subjects: vec![topic.to_owned()],
            max_age: AGE,
            ..stream::Config::default()
        };
        let context = self.context().await?;
        let made = context.create_stream(config).await;
        made.map_err(|error| self.without(error))?;
        let stream = context.get_stream_no_info(token(topic)).await;
        stream.map_err(|error| self.without(error))
    }

    fn kept(&self) -> MutexGuard<'_, HashSet<String>> {
        // Each change is one call, so that a panic leaves it whole.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, topic: &str) {
        let mut kept = self.kept();
        if kept.len() >= MOST {
            kept.clear();
        }
        kept.insert(topic.to_owned());
    }

    fn without(&self, why: impl fmt::Display) -> Error {
        self.nats.away(format!("{why} (has it JetStream, `-js`?)"))
    }

    /// Has the server keep `message`, once however often it is tried.
    async fn keep(&self, topic: &str, message: &Message, headers: HeaderMap) -> Result<()> {
        let body = envelope::write(&[envelope::TOPIC], topic, message, 1, &self.limits)?;
        let id = crate::id::random();
        let publish = || {
            let publish = PublishMessage::build().headers(headers.clone());
            publish.payload(body.clone()).message_id(&id)
        };
        // Where subscribers of NATS itself listen, nothing says that no stream does.
        if !self.kept().contains(topic) {
            self.stream(topic).await?;
            self.note(topic);
        }
        let mut tries = 0;
        loop {
            let context = self.context().await?;
            let sent = context.send_publish(topic.to_owned(), publish()).await;
            let kept = match sent {
                Ok(kept) => kept.await,
                Err(error) => Err(error),
            };
            let Err(error) = kept else { return Ok(()) };
            tries += 1;
            match error.kind() {
                PublishErrorKind::MaxPayloadExceeded => {
                    return Err(self.nats.too_large(&context.client(), topic));
                }
                PublishErrorKind::StreamNotFound if tries < 3 => drop(self.stream(topic).await?),
                // It may have lost its streams.
                PublishErrorKind::TimedOut if tries < 2 => drop(self.stream(topic).await?),
                PublishErrorKind::BrokenPipe if tries < 2 => {}
                _ => return Err(self.nats.away(&error).with_source(error)),
            }
        }
    }

    /// What is parked in `dead` at `sequence` or next; the last of all if none is given.
    async fn parked(
        &self,
        stream: &Stream<()>,
        dead: &str,
        sequence: Option<u64>,
    ) -> Result<Option<StreamMessage>> {
        let builder = stream.raw_message_builder();
        let found = match sequence {
            Some(sequence) => {
                builder
                    .sequence(sequence)
                    .next_by_subject(dead)
                    .send()
                    .await
            }
            None => builder.last_by_subject(dead).send().await,
        };
        match found {
            Ok(message) => Ok(Some(message)),
            Err(error) if error.kind() == RawMessageErrorKind::NoMessageFound => Ok(None),
            Err(error) => Err(self.nats.away(error)),
        }
    }
}

impl fmt::Debug for JetStreamBroker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JetStreamBroker({})", self.0.nats.addresses())
    }
}
