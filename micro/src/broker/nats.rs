//! Messages through NATS itself, which keeps none.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_nats::{
    Client, HeaderMap, Message as Carried, PublishErrorKind, RequestErrorKind, Subscriber,
};
use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{FutureExt as _, StreamExt as _};
use tokio::time::timeout;

use super::member::Member;
use super::queue::Queue;
use super::{
    Backend, Broker, Capabilities, Consumer, Delivery, Mode, Options, Order, Redelivery,
    Subscription, Terms, envelope,
};
use crate::error::{Error, Result};
use crate::limits::Limits;
use crate::message::Message;
use crate::nats::{ANSWER, Nats, is_subject, token};

const ID: &str = "micro.broker.nats";

/// The only group that a message is for.
pub(super) const GROUP: &str = "Micro-Group";

/// Says of a message that a member gives to another that it is parked.
const PARKED: &str = "Micro-Parked";

/// How long the members of a group may take to say how much they replayed, once the first has said so.
const OTHERS: Duration = Duration::from_millis(500);

inventory::submit! {
    Backend { names: &["nats"], open: |options| Ok(Arc::new(NatsBroker::new(options)?)) }
}

/// A broker on NATS, in the form of go-micro's, with which it exchanges messages both ways: chosen by `--broker=nats`.
///
/// `--broker_address` names the servers, each `host:port` or `nats://user:password@host:port`; `127.0.0.1:4222` if it is
/// not given. A user without a password is a token; the user may be named by `NATS_USER` and `NATS_PASSWORD`, too. With
/// `tls://` they are spoken to in TLS, which takes the program's `--tls_ca_file` and, to prove who it is, its
/// `--tls_cert_file`. A connection that is lost is made again, to any server of the cluster.
///
/// A topic is a subject, and a group is a queue group. Messages are go-micro's JSON, of at most what the server takes,
/// which is 1 MiB by default. The user also needs to publish to `_INBOX.>` and `_MICRO.>`, and to subscribe to them.
///
/// # Promises
///
/// At most once. A message is handed over when the server has it; from there it goes to those who listen at that moment,
/// is lost if there is nobody, and lost for a subscriber that is not connected or has more than 4,096 messages to read, which
/// is logged. [`JetStreamBroker`](super::JetStreamBroker) keeps messages.
///
/// The process that took a message tries it again, and keeps up to 1,024 messages for each subscription, and as many that
/// are parked. A member that leaves gives what it did not begin, and what is parked, to other members of its group. What a
/// process holds when it is killed is lost.
#[derive(Clone)]
pub struct NatsBroker(Arc<Inner>);

struct Inner {
    nats: Nats,
    limits: Limits,
}

impl NatsBroker {
    /// The servers that `options` name. Nothing is connected yet.
    ///
    /// # Errors
    ///
    /// `bad_request` if an address is none, or if a file that the TLS options name cannot be read.
    pub fn new(options: &Options) -> Result<Self> {
        Ok(Self(Arc::new(Inner {
            nats: Nats::new(ID, &options.addresses, &options.tls)?,
            limits: options.limits.clone(),
        })))
    }
}

#[async_trait]
impl Broker for NatsBroker {
    async fn publish(&self, topic: &str, message: Message) -> Result<()> {
        check(ID, topic)?;
        let body = envelope::write(&[envelope::TOPIC], topic, &message, 1, &self.0.limits)?;
        let client = self.0.nats.client().await?;
        match client.publish(topic.to_owned(), body).await {
            Ok(()) => self.0.nats.heard(client).await,
            Err(error) if error.kind() == PublishErrorKind::MaxPayloadExceeded => {
                Err(self.0.nats.too_large(client, topic))
            }
            Err(error) => Err(self.0.nats.away(error)),
        }
    }

    async fn subscribe(
        &self,
        topic: &str,
        terms: Terms,
        consumer: Consumer,
    ) -> Result<Subscription> {
        terms.check(topic, self)?;
        check(ID, topic)?;
        let topic: Arc<str> = Arc::from(topic);
        let mut seat = self.0.sit(&topic, &terms.mode).await?;
        let queue = Arc::new(Queue::new(&topic, &terms));
        let member = Member::new(&queue, terms, consumer, Arc::new(self.clone()));
        let inner = Arc::clone(&self.0);
        Ok(Subscription::new(|left| async move {
            let left = left.shared();
            let reading = async {
                tokio::select! {
                    () = left.clone() => {}
                    () = seat.read(&queue) => {}
                }
                seat.leave(&inner, &queue).await;
                queue.close();
            };
            tokio::join!(member.run(left.clone()), reading);
            inner.hand_over(&queue, &member).await;
        }))
    }

    async fn replay(&self, topic: &str, group: &str) -> Result<usize> {
        let client = self.0.nats.client().await?;
        let inbox = client.new_inbox();
        let mut replies = self.0.listen(client, inbox.clone(), None).await?;
        let asked = client.publish_with_reply(subject("REPLAY", topic, group), inbox, Bytes::new());
        asked.await.map_err(|error| self.0.nats.away(error))?;
        let (mut replayed, mut failed, mut patience) = (0, None, ANSWER);
        while let Ok(Some(reply)) = timeout(patience, replies.next()).await {
            if reply.status.is_some() {
                // Nobody is there.
                break;
            }
            patience = OTHERS;
            let text = String::from_utf8_lossy(&reply.payload);
            match text.parse::<usize>() {
                Ok(count) => replayed += count,
                Err(_) => failed = Some(Error::from_wire(&text)),
            }
        }
        match failed {
            Some(error) if replayed == 0 => Err(error),
            _ => Ok(replayed),
        }
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            at_least_once: false,
            durable: false,
            redelivery: Redelivery::Memory,
            order: Order::Topic,
            waits: false,
        }
    }

    fn is_secured(&self) -> bool {
        self.0.nats.is_secured()
    }

    fn name(&self) -> &'static str {
        "nats"
    }
}

/// Refuses a topic that is no subject.
pub(super) fn check(id: &'static str, topic: &str) -> Result<()> {
    if is_subject(topic) {
        return Ok(());
    }
    let detail =
        format!("{topic:?} is no topic of NATS: leave out spaces, * and >, and empty parts");
    Err(Error::bad_request(id, detail))
}

/// Where the members of a group hear of what is for them alone.
fn subject(what: &str, topic: &str, group: &str) -> String {
    format!("_MICRO.{what}.{}.{}", token(topic), token(group))
}

impl Inner {
    async fn listen(
        &self,
        client: &Client,
        subject: String,
        group: Option<&str>,
    ) -> Result<Subscriber> {
        let listening = match group {
            Some(group) => client.queue_subscribe(subject, group.to_owned()).await,
            None => client.subscribe(subject).await,
        };
        listening.map_err(|error| self.nats.away(error))
    }

    /// Listens to `topic`, from when this returns.
    async fn sit(&self, topic: &str, mode: &Mode) -> Result<Seat> {
        let client = self.nats.client().await?;
        let group = match mode {
            Mode::Group(group) if group.contains(char::is_whitespace) => {
                let detail = format!("{group:?} is no group of NATS: leave out spaces");
                return Err(Error::bad_request(ID, detail));
            }
            Mode::Group(group) => Some(&**group),
            Mode::Broadcast => None,
        };
        let messages = self.listen(client, topic.to_owned(), group).await?;
        let (given, replays) = match group {
            None => (None, None),
            Some(name) => (
                Some(
                    self.listen(client, subject("GIVE", topic, name), group)
                        .await?,
                ),
                Some(
                    self.listen(client, subject("REPLAY", topic, name), None)
                        .await?,
                ),
            ),
        };
        self.nats.heard(client).await?;
        Ok(Seat {
            client: client.clone(),
            topic: topic.into(),
            messages,
            given,
            replays,
        })
    }

    /// Gives what was taken, and not begun, to other members of the group, and what is parked; handles here what none of
    /// them takes.
    async fn hand_over(&self, queue: &Queue, member: &Member) {
        while let Some(taken) = queue.take() {
            if !self.is_given(&taken.delivery, queue, false).await {
                member.handle(taken).await;
            }
        }
        while let Some(delivery) = queue.unpark() {
            if !self.is_given(&delivery, queue, true).await {
                return queue.keep(delivery.message);
            }
        }
    }

    /// True if another member took it, or may have taken it.
    async fn is_given(&self, delivery: &Delivery, queue: &Queue, is_parked: bool) -> bool {
        let Some(group) = queue.group() else {
            return false;
        };
        let Delivery {
            topic,
            message,
            attempt,
        } = delivery;
        let mut headers = HeaderMap::new();
        if is_parked {
            headers.insert(PARKED, "true");
        }
        let written = envelope::write(&[envelope::TOPIC], topic, message, *attempt, &self.limits);
        let (Ok(body), Ok(client)) = (written, self.nats.client().await) else {
            return false;
        };
        let given = client.request_with_headers(subject("GIVE", topic, group), headers, body);
        match given.await {
            Ok(reply) => reply.payload.is_empty(),
            Err(error) if error.kind() == RequestErrorKind::NoResponders => false,
            Err(error) => {
                let id = message.metadata.get("Micro-Id");
                tracing::warn!(%error, id, "a message may have been taken by another member, or be lost");
                true
            }
        }
    }
}

/// What one subscriber listens to.
struct Seat {
    client: Client,
    topic: Arc<str>,
    messages: Subscriber,
    /// Of members that leave.
    given: Option<Subscriber>,
    replays: Option<Subscriber>,
}

impl Seat {
    /// Puts what comes into `queue`. Nothing is lost if this is dropped.
    async fn read(&mut self, queue: &Queue) {
        let (client, topic) = (&self.client, &self.topic);
        loop {
            queue.has_room().await;
            tokio::select! {
                Some(message) = self.messages.next() => drop(take(topic, queue, &message).await),
                Some(message) = next(&mut self.given) => take_over(client, topic, queue, &message).await,
                Some(request) = next(&mut self.replays) => {
                    let replayed = queue.replay().await;
                    let said = replayed.map_or_else(|error| error.to_json(), |count| count.to_string());
                    answer(client, &request, said.into()).await;
                }
                else => return,
            }
        }
    }

    /// Listens no more, and takes what came before.
    async fn leave(&mut self, inner: &Inner, queue: &Queue) {
        let all = [
            Some(&mut self.messages),
            self.given.as_mut(),
            self.replays.as_mut(),
        ];
        for subscriber in all.into_iter().flatten() {
            subscriber.drain().await.ok();
        }
        let rest = async {
            while let Some(message) = self.messages.next().await {
                take(&self.topic, queue, &message).await.ok();
            }
            while let Some(message) = next(&mut self.given).await {
                take_over(&self.client, &self.topic, queue, &message).await;
            }
            // What is given to the others from now on must not come back.
            inner.nats.heard(&self.client).await
        };
        // Without a connection nothing comes.
        timeout(ANSWER, rest).await.ok();
    }
}

/// The next message of a subscription, if there is one.
async fn next(subscriber: &mut Option<Subscriber>) -> Option<Carried> {
    subscriber.as_mut()?.next().await
}

/// Puts one message into `queue`, if it is for its group.
async fn take(topic: &str, queue: &Queue, message: &Carried) -> Result<()> {
    let header = |name| message.headers.as_ref()?.get(name);
    let group = queue.group().map(|group| &**group);
    if header(GROUP).is_some_and(|other| Some(other.as_str()) != group) {
        return Ok(());
    }
    let taken = match envelope::read(Some(topic), &message.payload) {
        Ok(opened) if header(PARKED).is_some() => {
            queue.keep(opened.message);
            return Ok(());
        }
        Ok(opened) => {
            queue
                .push(opened.message, opened.attempt, Duration::ZERO)
                .await
        }
        Err(error) => Err(error),
    };
    taken.inspect_err(|error| tracing::warn!(%error, %topic, "a message was not taken"))
}

/// Puts one message into `queue`, and tells who gave it.
async fn take_over(client: &Client, topic: &str, queue: &Queue, message: &Carried) {
    let taken = take(topic, queue, message).await;
    let said = taken.err().map(|error| error.to_json()).unwrap_or_default();
    answer(client, message, said.into()).await;
}

async fn answer(client: &Client, request: &Carried, said: Bytes) {
    if let Some(reply) = request.reply.clone() {
        // It waits no longer than for a connection.
        client.publish(reply, said).await.ok();
    }
}

impl fmt::Debug for NatsBroker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NatsBroker({})", self.0.nats.addresses())
    }
}
