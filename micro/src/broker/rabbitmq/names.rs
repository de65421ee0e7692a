//! What stands for topics and groups in RabbitMQ, and of what kind it is.

use lapin::options::{ExchangeDeclareOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable, ShortString};
use lapin::{Channel, ExchangeKind};

use super::ID;
use crate::amqp::Amqp;
use crate::error::{Error, Result};

/// How long a queue is kept that nobody takes from, unless it is durable. In milliseconds.
const EXPIRES: u32 = 60 * 60 * 1000;

/// Whose names are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    Own,
    Go,
}

impl Layout {
    /// The exchange that takes what is published.
    pub(super) fn exchange(self) -> ShortString {
        match self {
            Self::Own => "micro.topics",
            Self::Go => "micro",
        }
        .into()
    }

    /// The queue of a group. A name is read in one way only: a dot of the group is escaped, and so is what RabbitMQ keeps
    /// for itself.
    ///
    /// # Errors
    ///
    /// `bad_request` if the names are too long for AMQP.
    pub(super) fn queue(self, topic: &str, group: &str) -> Result<ShortString> {
        let escaped = |text: &str| text.replace('%', "%25");
        let name = match self {
            Self::Own => format!("{}.{}", escaped(topic), escaped(group).replace('.', "%2E")),
            Self::Go => group.to_owned(),
        };
        let name = match name.strip_prefix("amq.") {
            Some(rest) if self == Self::Own => format!("%61mq.{rest}"),
            _ => name,
        };
        // Its parking queue has the longer name.
        short(&parked(&name))?;
        short(&name)
    }

    pub(super) async fn declare_exchange(self, amqp: &Amqp, channel: &Channel) -> Result<()> {
        let kind = match self {
            Self::Own => ExchangeKind::Direct,
            Self::Go => ExchangeKind::Topic,
        };
        let options = ExchangeDeclareOptions {
            durable: self == Self::Own,
            ..ExchangeDeclareOptions::default()
        };
        let declared =
            channel.exchange_declare(self.exchange(), kind, options, FieldTable::default());
        amqp.ask("declaring an exchange", declared).await
    }

    /// Makes the queue of a group, and the one of what it could not handle.
    pub(super) async fn declare_group(
        self,
        amqp: &Amqp,
        channel: &Channel,
        queue: &ShortString,
        is_durable: bool,
    ) -> Result<()> {
        let parked = short(&parked(queue.as_str()))?;
        let durable = QueueDeclareOptions::durable();
        let declared = channel.queue_declare(parked.clone(), durable, FieldTable::default());
        amqp.ask("declaring a queue", declared).await?;
        let mut arguments = FieldTable::default();
        let options = match self {
            Self::Own => {
                arguments.insert("x-dead-letter-exchange".into(), text(""));
                arguments.insert("x-dead-letter-routing-key".into(), text(parked.as_str()));
                if !is_durable {
                    arguments.insert("x-expires".into(), AMQPValue::LongUInt(EXPIRES));
                }
                durable
            }
            Self::Go => QueueDeclareOptions {
                auto_delete: true,
                ..QueueDeclareOptions::default()
            },
        };
        let declared = channel.queue_declare(queue.clone(), options, arguments);
        let declared = amqp.ask("declaring a queue", declared).await;
        declared.map(drop).map_err(|error| match error.code() {
            400 => error.within("all members of a group must agree on `durable`"),
            _ => error,
        })
    }
}

/// The queue of what `queue` could not hand on for good.
pub(super) fn parked(queue: &str) -> String {
    format!("{queue}%parked")
}

/// A name in AMQP.
///
/// # Errors
///
/// `bad_request` if it is too long.
pub(super) fn short(name: &str) -> Result<ShortString> {
    ShortString::try_new(name).map_err(|source| {
        let start: String = name.chars().take(40).collect();
        let detail = format!("the name {start}… is over the 255 bytes that AMQP takes");
        Error::bad_request(ID, detail).with_source(source)
    })
}

pub(super) fn text(text: &str) -> AMQPValue {
    AMQPValue::LongString(text.into())
}

#[cfg(test)]
mod tests {
    use super::Layout;

    fn queue(topic: &str, group: &str) -> String {
        let queue = Layout::Own.queue(topic, group).unwrap();
        queue.as_str().to_owned()
    }

    #[test]
    fn a_queue_is_called_after_its_topic_and_group() {
        assert_eq!(queue("orders.new", "billing"), "orders.new.billing");
    }

    #[test]
    fn no_two_groups_share_a_queue() {
        assert_ne!(queue("a.b", "c"), queue("a", "b.c"));
        assert_ne!(queue("a%2E", "b"), queue("a.", "b"));
        assert_ne!(
            queue("a", "b%parked"),
            format!("{}%parked", queue("a", "b"))
        );
    }

    #[test]
    fn no_queue_begins_as_those_of_rabbitmq_itself() {
        assert_eq!(queue("amq.x", "g"), "%61mq.x.g");
    }

    #[test]
    fn names_that_are_too_long_are_refused() {
        assert_eq!(
            Layout::Own.queue(&"t".repeat(255), "g").unwrap_err().code(),
            400
        );
    }
}
