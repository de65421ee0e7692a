//! gRPC at both ends: the same calls under `/package.Service/Method`, over HTTP/2.
//!
//! Messages pass as the bytes that they are, since the handler's own format reads and writes them; tonic frames them.
//! The server end is [`server`], the client end [`channel`]; [`status`] turns errors into statuses and back.

mod channel;
#[cfg(fuzzing)]
pub(in super::super) mod fuzz;
mod server;
mod status;
mod timeout;

use std::sync::Arc;

use self::channel::GrpcChannel;
pub(super) use self::server::{answer, is_asked};
use crate::error::Result;
use crate::limits::Limits;
use crate::message::ContentType;
use crate::tls::Ends;
use crate::transport::{Channel, Facts, secured};

/// Who speaks in the errors of this form.
const ID: &str = "micro.transport.grpc";

/// The media type; what follows a `+` is the codec, protobuf if nothing does.
const GRPC: &str = "application/grpc";

/// The codecs that have a name behind the `+`.
const CODECS: [(&str, ContentType); 3] = [
    ("proto", ContentType::PROTOBUF),
    ("json", ContentType::JSON),
    ("msgpack", ContentType::MSGPACK),
];

/// True if the record of a node says that it is a server of gRPC.
pub(in super::super) fn is_spoken(facts: &Facts) -> bool {
    facts
        .get("protocol")
        .is_some_and(|protocol| protocol == "grpc")
}

/// A channel to a server of gRPC.
pub(in super::super) fn dial(
    address: &str,
    facts: &Facts,
    limits: &Limits,
    ends: &Ends,
) -> Result<Arc<dyn Channel>> {
    let (limits, node) = (limits.clone(), address.to_owned());
    let make = move |way| GrpcChannel::new(&node, &limits, way);
    secured::dial(ends, address, facts, make)
}

/// How messages of the media type `text` are encoded; `None` if it is not of gRPC.
fn content_type(text: &str) -> Option<ContentType> {
    let media = text.split(';').next().unwrap_or_default().trim();
    let codec = media
        .get(..GRPC.len())
        .filter(|start| start.eq_ignore_ascii_case(GRPC));
    let codec = codec.map(|_| &media[GRPC.len()..])?;
    if codec.is_empty() {
        return Some(ContentType::PROTOBUF);
    }
    let name = codec.strip_prefix('+')?;
    let known = CODECS
        .into_iter()
        .find(|(own, _)| own.eq_ignore_ascii_case(name));
    Some(known.map_or_else(
        || ContentType::new(&format!("application/{name}")),
        |(_, content_type)| content_type,
    ))
}

/// The media type of messages that are encoded as `content_type`.
fn media_type(content_type: &ContentType) -> String {
    if *content_type == ContentType::PROTOBUF {
        return GRPC.to_owned();
    }
    let name = content_type.as_str();
    let name = name.strip_prefix("application/").unwrap_or(name);
    format!("{GRPC}+{name}")
}

#[cfg(test)]
mod tests {
    use super::{ContentType, content_type, media_type};

    #[test]
    fn the_codec_stands_behind_the_plus() {
        for (text, expected) in [
            ("application/grpc", ContentType::PROTOBUF),
            ("Application/gRPC+proto", ContentType::PROTOBUF),
            ("application/grpc+json; charset=utf-8", ContentType::JSON),
            ("application/grpc+msgpack", ContentType::MSGPACK),
            (
                "application/grpc+bson",
                ContentType::new("application/bson"),
            ),
        ] {
            assert_eq!(content_type(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn other_media_types_are_not_grpc() {
        for text in [
            "",
            "application/grp",
            "application/grpc-web",
            "application/json",
        ] {
            assert_eq!(content_type(text), None, "{text}");
        }
    }

    #[test]
    fn every_codec_is_read_as_it_is_written() {
        for own in [
            "application/protobuf",
            "application/json",
            "application/msgpack",
            "application/bson",
        ] {
            let own = ContentType::new(own);
            assert_eq!(content_type(&media_type(&own)), Some(own));
        }
    }
}
