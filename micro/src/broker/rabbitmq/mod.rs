//! RabbitMQ as the broker (AMQP 0-9-1): one queue for each group, kept by the server.

mod member;
mod message;
mod names;
mod publisher;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use lapin::options::{BasicAckOptions, BasicGetOptions, BasicNackOptions, QueueDeclareOptions};
use lapin::types::FieldTable;

use self::member::Member;
use self::names::{Layout, parked, short};
use self::publisher::{Publisher, To};
use super::parked::without_reason;
use super::{
    Backend, Broker, Capabilities, Consumer, Mode, Options, Order, Redelivery, Subscription, Terms,
};
use crate::amqp::Amqp;
use crate::error::Result;
use crate::limits::Limits;
use crate::message::Message;

const ID: &str = "micro.broker.rabbitmq";

/// How long a publisher waits for a server.
const PATIENCE: Duration = Duration::from_secs(5);

inventory::submit! {
    Backend {
        names: &["rabbitmq", "amqp"],
        open: |options| Ok(Arc::new(RabbitMqBroker::new(options)?)),
    }
}

inventory::submit! {
    Backend {
        names: &["rabbitmq-go"],
        open: |options| Ok(Arc::new(RabbitMqBroker::go_micro(options)?)),
    }
}

/// Messages over RabbitMQ (3.10 and later): chosen by `--broker=rabbitmq` or `amqp`, at least once and durable.
///
/// `--broker_address` names the members of a cluster, each `host:port` or `amqp://user:password@host:port/vhost`;
/// `127.0.0.1:5672`, `guest` and `/` if they are not given. They are tried in turn, each for up to 5 s; with `amqps://`
/// (port 5671) they are spoken to in TLS, which takes the program's `--tls_ca_file` and `--tls_cert_file`.
///
/// **Publishing** returns once the server has confirmed: the message is then on its disk, in the queue of each group. While no
/// server is there it waits, up to 5 s, and is `unavailable` then; that is not marked as never reached if the server may have
/// taken the message.
///
/// **A group** is a durable queue called `TOPIC.GROUP`, of the type that its virtual host has by default, bound to the direct
/// exchange `micro.topics` by the topic. It is kept for an hour after its last member has left, and for ever if the terms say
/// `durable`, about which its members must agree. A member takes up to 128 messages ahead, fewer if its room is less, and
/// acks each once it was handled. One that fails is tried again by the member that has it, after a pause; a member that
/// leaves meanwhile gives it back with the number of its tries, and one that is killed leaves all that it had to the others.
/// After the last of its tries a message is put into the queue `TOPIC.GROUP%parked`, with the metadata `Micro-Reason` and
/// `Micro-Attempts`, and so is what a policy of the server takes out of the group's. In queue names `%` is written `%25`, and
/// a dot in a group's name `%2E`.
///
/// **A broadcast** subscriber has an exclusive queue, which ends with its connection: what is published while it is away is not for
/// it.
///
/// When the connection is lost, everything is declared again, and subscriptions go on, on the next member that answers.
///
/// A message is its body as it is, and its metadata in the headers, as in go-micro, whose own names are those of
/// [`go_micro`](Self::go_micro).
#[derive(Clone)]
pub struct RabbitMqBroker(Arc<Inner>);

struct Inner {
    layout: Layout,
    publisher: Publisher,
    /// The connection of subscribers.
    amqp: Amqp,
    limits: Limits,
}

impl RabbitMqBroker {
    /// The cluster that `options` name. Nothing is connected yet.
    ///
    /// # Errors
    ///
    /// `bad_request` if an address is none, or if a file that the TLS options name cannot be read.
    pub fn new(options: &Options) -> Result<Self> {
        Self::with_layout(options, Layout::Own)
    }

    /// The same with the names of go-micro's RabbitMQ broker, for fleets that have both: `--broker=rabbitmq-go`.
    ///
    /// The exchange is `micro`, of topics. A group is a queue of its name alone, so that it is to listen to one topic; it
    /// is neither durable nor kept when its last member leaves, so messages are not at least once.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn go_micro(options: &Options) -> Result<Self> {
        Self::with_layout(options, Layout::Go)
    }

    fn with_layout(options: &Options, layout: Layout) -> Result<Self> {
        let amqp = || Amqp::new(ID, &options.addresses, &options.tls);
        Ok(Self(Arc::new(Inner {
            layout,
            publisher: Publisher::new(amqp()?, layout),
            amqp: amqp()?,
            limits: options.limits.clone(),
        })))
    }
}

impl Inner {
    /// Hands out what is parked of one queue; `done` counts it.
    async fn replay(&self, topic: &str, group: &str, done: &mut usize) -> Result<()> {
        let (amqp, queue) = (&self.amqp, self.layout.queue(topic, group)?);
        let parked = short(&parked(queue.as_str()))?;
        let channel = amqp.channel().await?;
        let look = QueueDeclareOptions {
            passive: true,
            ..QueueDeclareOptions::default()
        };
        let found = channel.queue_declare(parked.clone(), look, FieldTable::default());
        let waiting = match amqp.ask("looking for parked messages", found).await {
            Ok(found) => found.message_count(),
            // The group never was.
            Err(error) if error.code() == 404 => return Ok(()),
            Err(error) => return Err(error),
        };
        // What is parked again meanwhile is not replayed for ever.
        for _ in 0..waiting {
            let got = channel.basic_get(parked.clone(), BasicGetOptions::default());
            let Some(mut got) = amqp.ask("taking a parked message", got).await? else {
                return Ok(());
            };
            let (message, _) = message::read(topic, &mut got.delivery);
            let message = without_reason(message);
            let properties = message::write(topic, &message, 0);
            let to = To::queue(queue.clone());
            if let Err(error) = self.publisher.publish(to, properties, &message.body).await {
                let back = got.delivery.nack(BasicNackOptions {
                    requeue: true,
                    ..BasicNackOptions::default()
                });
                amqp.ask("giving a parked message back", back).await?;
                return Err(error);
            }
            let acked = got.delivery.ack(BasicAckOptions::default());
            amqp.ask("taking a parked message", acked).await?;
            *done += 1;
        }
        Ok(())
    }
}

#[async_trait]
impl Broker for RabbitMqBroker {
    async fn publish(&self, topic: &str, message: Message) -> Result<()> {
        let inner = &self.0;
        let to = To::topic(inner.layout, short(topic)?);
        message::check(topic, &message, &inner.limits)?;
        let properties = message::write(topic, &message, 0);
        inner.publisher.publish(to, properties, &message.body).await
    }

    async fn subscribe(
        &self,
        topic: &str,
        terms: Terms,
        consumer: Consumer,
    ) -> Result<Subscription> {
        terms.check(topic, self)?;
        let queue = match &terms.mode {
            Mode::Group(group) => Some(self.0.layout.queue(topic, group)?),
            Mode::Broadcast => None,
        };
        let member = Member::new(self, short(topic)?, queue, terms, consumer);
        let seat = member.sit().await?;
        Ok(Subscription::new(|left| member.run(seat, left)))
    }

    async fn replay(&self, topic: &str, group: &str) -> Result<usize> {
        let mut done = 0;
        match self.0.replay(topic, group, &mut done).await {
            Err(error) if done == 0 => Err(error),
            _ => Ok(done),
        }
    }

    fn capabilities(&self) -> Capabilities {
        let is_own = self.0.layout == Layout::Own;
        Capabilities {
            at_least_once: is_own,
            durable: is_own,
            redelivery: Redelivery::Memory,
            order: Order::Topic,
            waits: false,
        }
    }

    fn is_secured(&self) -> bool {
        self.0.publisher.is_secured()
    }

    fn name(&self) -> &'static str {
        match self.0.layout {
            Layout::Own => "rabbitmq",
            Layout::Go => "rabbitmq-go",
        }
    }
}

impl fmt::Debug for RabbitMqBroker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple(self.name()).field(&self.0.amqp).finish()
    }
}
