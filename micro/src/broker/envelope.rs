//! The JSON that a message is on its way, as go-micro's brokers write it.

use std::borrow::Cow;
use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::ID;
use crate::error::{Error, Result};
use crate::limits::Limits;
use crate::message::{ContentType, Message};
use crate::metadata::Metadata;

/// Where generations up to v1 put the topic, over HTTP.
pub(super) const OLD_TOPIC: &str = ":topic";
pub(super) const TOPIC: &str = "Micro-Topic";
const CONTENT_TYPE: &str = "Content-Type";
/// Between our own ends: how often a message was handed out that a leaving member gives to another.
const ATTEMPT: &str = "X-Micro-Attempt";

/// Go writes missing parts as `null`. Keys are in order, and as their author wrote them.
#[derive(Serialize, Deserialize)]
struct Envelope<'a> {
    #[serde(rename = "Header", borrow)]
    header: Option<BTreeMap<Cow<'a, str>, Cow<'a, str>>>,
    #[serde(rename = "Body", borrow)]
    body: Option<Cow<'a, str>>,
}

/// What came in an envelope.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) topic: String,
    pub(super) message: Message,
    pub(super) attempt: u32,
}

/// The envelope of a message that is handed out for the `attempt`th time; its topic is under each of `names`.
///
/// # Errors
///
/// `too_large` if the message, or 431 if its metadata, is over its limit.
pub(super) fn write(
    names: &[&'static str],
    topic: &str,
    message: &Message,
    attempt: u32,
    limits: &Limits,
) -> Result<Bytes> {
    if message.body.len() > limits.message {
        let detail = format!(
            "a message of {topic} has {} bytes, over the limit of {} bytes: send less, or raise max_message at both ends",
            message.body.len(),
            limits.message
        );
        return Err(Error::too_large(ID, detail));
    }
    let pairs = message.metadata.iter();
    let mut header: BTreeMap<Cow<'_, str>, Cow<'_, str>> = pairs
        .map(|(name, value)| (name.into(), value.into()))
        .collect();
    let size: usize = header
        .iter()
        .map(|(name, value)| name.len() + value.len())
        .sum();
    if size > limits.head {
        let detail = format!(
            "the metadata of a message of {topic} is over the limit of {} bytes: send less, or raise max_head",
            limits.head
        );
        return Err(Error::new(431, ID, detail));
    }
    for name in names {
        header.insert((*name).into(), topic.into());
    }
    header.insert(CONTENT_TYPE.into(), message.content_type.as_str().into());
    if attempt > 1 {
        header.insert(ATTEMPT.into(), attempt.to_string().into());
    }
    let envelope = Envelope {
        header: Some(header),
        body: Some(STANDARD.encode(&message.body).into()),
    };
    let bytes = serde_json::to_vec(&envelope).map_err(|source| {
        Error::internal(ID, "a message cannot be written as JSON").with_source(source)
    })?;
    Ok(bytes.into())
}

/// The largest envelope of a message within `limits`: base64 takes four bytes for three, a JSON escape six for one.
pub(super) fn longest(limits: &Limits) -> usize {
    let body = limits.message.div_ceil(3).saturating_mul(4);
    body.saturating_add(limits.head.saturating_mul(6))
        .saturating_add(1024)
}

/// What is in an envelope, of whatever generation. It was published to `topic`, if that is known otherwise than by what it
/// says.
///
/// # Errors
///
/// `internal`, as in go-micro, if it is none, or nothing names a topic.
pub(super) fn read(topic: Option<&str>, bytes: &[u8]) -> Result<Opened> {
    let broken = |why: &str| Error::internal(ID, format!("this is no message: {why}"));
    let envelope: Envelope<'_> = serde_json::from_slice(bytes)
        .map_err(|source| broken("it is not JSON of Header and Body").with_source(source))?;
    let body = envelope.body.unwrap_or_default();
    let body = STANDARD
        .decode(body.as_bytes())
        .map_err(|source| broken("its Body is not base64").with_source(source))?;
    let (mut metadata, mut old_topic) = (Metadata::new(), None);
    let (mut content_type, mut attempt) = (ContentType::JSON, 1);
    for (name, value) in envelope.header.unwrap_or_default() {
        if name == OLD_TOPIC {
            old_topic = Some(value.into_owned());
        } else if name.eq_ignore_ascii_case(CONTENT_TYPE) {
            content_type = super::content_type(&value);
        } else if name.eq_ignore_ascii_case(ATTEMPT) {
            attempt = value.parse().unwrap_or(1);
        } else {
            metadata.set(&name, &value);
        }
    }
    let told = || metadata.get(TOPIC).map(str::to_owned).or(old_topic);
    let topic = topic.map(str::to_owned).or_else(told);
    let Some(topic) = topic.filter(|topic| !topic.is_empty()) else {
        return Err(broken("its Header names no topic"));
    };
    metadata.set(TOPIC, &topic);
    let message = Message {
        content_type,
        metadata,
        body: body.into(),
    };
    Ok(Opened {
        topic,
        message,
        attempt: attempt.max(1),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop_assert_eq, proptest};

    use super::{TOPIC, longest, read, write};
    use crate::limits::Limits;
    use crate::message::{ContentType, Message};
    use crate::metadata::Metadata;

    #[test]
    fn octet_streams_of_the_oldest_generation_are_protobuf() {
        let opened = read(
            None,
            br#"{"Header":{":topic":"t","Content-Type":"application/octet-stream"},"Body":null}"#,
        )
        .unwrap();

        assert_eq!(opened.message.content_type, ContentType::PROTOBUF);
    }

    #[test]
    fn a_message_without_a_topic_is_broken() {
        assert_eq!(
            read(None, br#"{"Header":null,"Body":null}"#)
                .unwrap_err()
                .code(),
            500
        );
    }

    #[test]
    fn a_message_has_the_topic_that_it_came_by() {
        let bytes = br#"{"Header":{"Micro-Topic":"another"},"Body":null}"#;

        let opened = read(Some("t"), bytes).unwrap();

        assert_eq!(opened.topic, "t");
        assert_eq!(opened.message.metadata.get(TOPIC), Some("t"));
    }

    proptest! {
        #[test]
        fn any_message_is_read_as_it_was_written(
            topic in "[a-z.]{1,20}", name in "[a-zA-Z-]{1,20}", value in any::<String>(), body in any::<Vec<u8>>(), attempt in 1_u32..9
        ) {
            let mut metadata = Metadata::new();
            metadata.set(&format!("x-{name}"), &value);
            let message = Message { content_type: ContentType::MSGPACK, metadata, body: body.into() };
            let limits = Limits { message: message.body.len(), head: 4096 + value.len(), ..Limits::default() };

            let written = write(&[TOPIC], &topic, &message, attempt, &limits).unwrap();
            let opened = read(None, &written).unwrap();

            prop_assert_eq!(opened.attempt, attempt);
            prop_assert_eq!(&opened.topic, &topic);
            prop_assert_eq!(opened.message.body, message.body);
            prop_assert_eq!(opened.message.metadata.get(&format!("x-{name}")), Some(&*value));
            assert!(written.len() <= longest(&limits));
        }

        #[test]
        fn no_bytes_make_reading_panic(bytes in any::<Vec<u8>>()) {
            let _ = read(None, &bytes);
        }
    }
}
