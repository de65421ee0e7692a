//! Messages as AMQP has them: the body as it is, and the metadata among the headers, as go-micro's broker writes them.

use lapin::BasicProperties;
use lapin::message::Delivery;
use lapin::types::{AMQPValue, FieldTable, ShortString};

use super::ID;
use super::names::text;
use crate::error::{Error, Result};
use crate::limits::Limits;
use crate::message::{ContentType, Message};
use crate::metadata::Metadata;

const TOPIC: &str = "Micro-Topic";
const CONTENT_TYPE: &str = "Content-Type";

/// How often a message was tried before; a number, so that it is none of the metadata.
const TRIED: &str = "x-micro-tried";
/// Marks what ends the queue of a broadcast subscriber that leaves.
const LAST: &str = "x-micro-last";

/// On disk, before the server confirms it.
const PERSISTENT: u8 = 2;

/// Refuses what is over `limits`.
///
/// # Errors
///
/// `too_large` if the message, or 431 if its metadata, is over its limit; `bad_request` if a name is none of AMQP.
pub(super) fn check(topic: &str, message: &Message, limits: &Limits) -> Result<()> {
    let size = message.body.len();
    if size > limits.message {
        let detail = format!(
            "a message of {topic} has {size} bytes, over the limit of {} bytes: send less, or raise max_message at both ends",
            limits.message
        );
        return Err(Error::too_large(ID, detail));
    }
    let pairs = message.metadata.iter();
    let size: usize = pairs.map(|(name, value)| name.len() + value.len()).sum();
    if size > limits.head {
        let detail = format!(
            "the metadata of a message of {topic} is over the limit of {} bytes: send less, or raise max_head",
            limits.head
        );
        return Err(Error::new(431, ID, detail));
    }
    for (name, _) in message.metadata.iter() {
        super::names::short(name)?;
    }
    Ok(())
}

/// The head of a message that was tried `tried` times.
pub(super) fn write(topic: &str, message: &Message, tried: u32) -> BasicProperties {
    let mut headers = FieldTable::default();
    for (name, value) in message.metadata.iter() {
        if let Ok(name) = ShortString::try_new(name) {
            headers.insert(name, text(value));
        }
    }
    headers.insert(TOPIC.into(), text(topic));
    let content_type = message.content_type.as_str();
    headers.insert(CONTENT_TYPE.into(), text(content_type));
    if tried > 0 {
        headers.insert(TRIED.into(), AMQPValue::LongUInt(tried));
    }
    let properties = BasicProperties::default()
        .with_headers(headers)
        .with_delivery_mode(PERSISTENT);
    // Where those who are neither of us look for it.
    match ShortString::try_new(content_type) {
        Ok(content_type) => properties.with_content_type(content_type),
        Err(_) => properties,
    }
}

/// What came for `topic`, and how often it was tried before.
pub(super) fn read(topic: &str, delivery: &mut Delivery) -> (Message, u32) {
    let (mut metadata, mut tried) = (Metadata::new(), 0);
    let property = delivery.properties.content_type().as_ref();
    let mut content_type = property.map(|own| super::super::content_type(own.as_str()));
    for (name, value) in delivery.properties.headers().iter().flatten() {
        let name = name.as_str();
        match value {
            AMQPValue::LongUInt(number) if name == TRIED => tried = *number,
            AMQPValue::LongString(value) => {
                let Ok(value) = std::str::from_utf8(value.as_bytes()) else {
                    continue;
                };
                if name.eq_ignore_ascii_case(CONTENT_TYPE) {
                    content_type = Some(super::super::content_type(value));
                } else {
                    metadata.set(name, value);
                }
            }
            // Numbers and tables are RabbitMQ's own.
            _ => {}
        }
    }
    metadata.set(TOPIC, topic);
    let message = Message {
        content_type: content_type.unwrap_or(ContentType::JSON),
        metadata,
        body: std::mem::take(&mut delivery.data).into(),
    };
    (message, tried)
}

/// The head of what ends a queue.
pub(super) fn last() -> BasicProperties {
    let mut headers = FieldTable::default();
    headers.insert(LAST.into(), AMQPValue::Boolean(true));
    BasicProperties::default().with_headers(headers)
}

pub(super) fn is_last(delivery: &Delivery) -> bool {
    let headers = delivery.properties.headers().as_ref();
    headers.is_some_and(|headers| headers.inner().contains_key(LAST))
}

#[cfg(test)]
mod tests {
    use lapin::message::Delivery;

    use super::{ContentType, Message, Metadata, read, write};

    fn sent(tried: u32) -> (Message, Delivery) {
        let mut metadata = Metadata::new();
        metadata.set("x-User", "4 2");
        metadata.set("Micro-Topic", "t");
        let message = Message {
            content_type: ContentType::PROTOBUF,
            metadata,
            body: "body".into(),
        };
        let mut delivery = Delivery::mock(1, "".into(), "t".into(), false, b"body".to_vec());
        delivery.properties = write("t", &message, tried);
        (message, delivery)
    }

    #[test]
    fn a_message_is_read_as_it_was_written() {
        let (message, mut delivery) = sent(2);

        assert_eq!(read("t", &mut delivery), (message, 2));
    }

    #[test]
    fn the_topic_and_the_content_type_are_headers_as_in_go_micro() {
        let (_, delivery) = sent(0);

        let headers = delivery.properties.headers().as_ref().unwrap().inner();
        let header = |name: &str| format!("{:?}", headers[name]);
        assert_eq!(header("Micro-Topic"), format!("{:?}", super::text("t")));
        assert_eq!(
            header("Content-Type"),
            format!("{:?}", super::text("application/protobuf"))
        );
    }
}
