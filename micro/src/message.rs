//! What travels: a head, and a body of bytes or of a stream.
//!
//! [`Request`] and [`Response`] are the two halves of a call on every floor: wrappers see them,
//! transports carry them. [`Message`] is what a broker carries.

use std::any::Any;
use std::borrow::Cow;
use std::fmt;
use std::time::Instant;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;

use crate::context::Context;
use crate::error::{Error, Result};
use crate::metadata::Metadata;
use crate::peer::Peer;

/// The media type of a body, without parameters, such as `application/json`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ContentType(Cow<'static, str>);

impl ContentType {
    /// `application/json`.
    pub const JSON: Self = Self(Cow::Borrowed("application/json"));
    /// `application/msgpack`, with named fields.
    pub const MSGPACK: Self = Self(Cow::Borrowed("application/msgpack"));
    /// `application/protobuf`.
    pub const PROTOBUF: Self = Self(Cow::Borrowed("application/protobuf"));

    /// A media type of any name; parameters behind a `;` are dropped, case does not matter.
    pub fn new(name: &str) -> Self {
        let known = [Self::JSON, Self::MSGPACK, Self::PROTOBUF];
        // Nearly all are written just so.
        if let Some(own) = known.iter().find(|own| own.as_str() == name) {
            return own.clone();
        }
        let name = name.split(';').next().unwrap_or_default().trim();
        known
            .into_iter()
            .find(|own| own.as_str().eq_ignore_ascii_case(name))
            .unwrap_or_else(|| Self(Cow::Owned(name.to_ascii_lowercase())))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ContentType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for ContentType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The encoded message of a call, or the messages of a stream in order.
pub enum Body {
    /// One message.
    Bytes(Bytes),
    /// Any number of messages. An `Err` ends the stream and says how; the end without one is clean.
    Stream(BoxStream<'static, Result<Bytes>>),
}

impl Body {
    /// The one message.
    ///
    /// # Errors
    ///
    /// `internal` if the body is a stream.
    pub fn into_bytes(self) -> Result<Bytes> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            Self::Stream(_) => Err(Error::internal(
                "micro.message",
                "expected one message, found a stream",
            )),
        }
    }

    /// The first message, which is the only one of a call whose request does not stream.
    ///
    /// # Errors
    ///
    /// `bad_request` if there is none; whatever the stream failed with.
    pub async fn into_first(self) -> Result<Bytes> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            Self::Stream(mut stream) => stream.next().await.unwrap_or_else(|| {
                Err(Error::bad_request(
                    "micro.message",
                    "the stream ended before its request",
                ))
            }),
        }
    }

    /// The only message of a stream, once that has ended well.
    ///
    /// # Errors
    ///
    /// `bad_gateway` if there is none, or more; whatever the stream failed with.
    pub(crate) async fn into_only(self) -> Result<Self> {
        let Self::Stream(mut stream) = self else {
            return Ok(self);
        };
        let not_one = |what| {
            Error::bad_gateway(
                "micro.message",
                format!("one reply was expected, found {what}"),
            )
        };
        let first = stream.next().await.ok_or_else(|| not_one("none"))??;
        match stream.next().await {
            None => Ok(Self::Bytes(first)),
            Some(Err(error)) => Err(error),
            Some(Ok(_)) => Err(not_one("several")),
        }
    }

    /// The messages; one message is a stream of one.
    pub fn into_stream(self) -> BoxStream<'static, Result<Bytes>> {
        match self {
            Self::Bytes(bytes) => Box::pin(futures_util::stream::iter([Ok(bytes)])),
            Self::Stream(stream) => stream,
        }
    }
}

impl Default for Body {
    fn default() -> Self {
        Self::Bytes(Bytes::new())
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(bytes) => write!(f, "Bytes({} bytes)", bytes.len()),
            Self::Stream(_) => f.write_str("Stream"),
        }
    }
}

/// One call on its way to a handler.
#[derive(Debug)]
pub struct Request {
    /// The name of the service called, such as `greeter`.
    pub service: Cow<'static, str>,
    /// The name of the endpoint called, such as `Greeter.Hello`.
    pub endpoint: Cow<'static, str>,
    /// How the body is encoded.
    pub content_type: ContentType,
    /// How the reply is to be encoded; `None` means as the request.
    pub accept: Option<ContentType>,
    /// What the caller added.
    pub metadata: Metadata,
    /// When the caller stops waiting; `None` means never.
    pub deadline: Option<Instant>,
    /// Who calls, as the transport that took the call knows it.
    pub peer: Option<Peer>,
    /// At the server end, what the handler will be given; at the client end, the caller's own.
    pub context: Context,
    /// What wrappers leave for those further in.
    pub extensions: Extensions,
    /// The message, or the messages.
    pub body: Body,
}

impl Request {
    /// A call of `endpoint` with an empty JSON body, no metadata and no deadline.
    pub fn new(
        service: impl Into<Cow<'static, str>>,
        endpoint: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            service: service.into(),
            endpoint: endpoint.into(),
            content_type: ContentType::JSON,
            accept: None,
            metadata: Metadata::new(),
            deadline: None,
            peer: None,
            context: Context::default(),
            extensions: Extensions::default(),
            body: Body::default(),
        }
    }
}

/// At most one value of each type.
#[derive(Default)]
pub struct Extensions(Vec<Box<dyn Any + Send>>);

impl Extensions {
    /// Adds `value`; returns the one of its type that was there.
    pub fn insert<T: Send + 'static>(&mut self, value: T) -> Option<T> {
        let before = self.remove();
        self.0.push(Box::new(value));
        before
    }

    /// The value of type `T`.
    pub fn get<T: 'static>(&self) -> Option<&T> {
        self.0.iter().find_map(|value| value.downcast_ref())
    }

    /// The value of type `T`, to be changed.
    pub fn get_mut<T: 'static>(&mut self) -> Option<&mut T> {
        self.0.iter_mut().find_map(|value| value.downcast_mut())
    }

    /// Takes the value of type `T` out.
    pub fn remove<T: 'static>(&mut self) -> Option<T> {
        let place = self.0.iter().position(|value| value.is::<T>())?;
        self.0
            .swap_remove(place)
            .downcast()
            .ok()
            .map(|value| *value)
    }
}

impl fmt::Debug for Extensions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Extensions({})", self.0.len())
    }
}

/// Among the extensions of a request: its caller knows no headers of go-micro, as v0 does not, and means what that one
/// meant.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bare;

/// The reply to one call.
#[derive(Debug)]
pub struct Response {
    /// How the body is encoded.
    pub content_type: ContentType,
    /// What the handler's side added.
    pub metadata: Metadata,
    /// The message, or the messages.
    pub body: Body,
}

impl Response {
    /// A reply without metadata.
    pub fn new(content_type: ContentType, body: Body) -> Self {
        Self {
            content_type,
            metadata: Metadata::new(),
            body,
        }
    }
}

/// One published message.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// How the body is encoded.
    pub content_type: ContentType,
    /// What the publisher added.
    pub metadata: Metadata,
    /// The encoded event.
    pub body: Bytes,
}

#[cfg(test)]
mod tests {
    use super::ContentType;

    #[test]
    fn a_content_type_is_compared_without_case_and_parameters() {
        assert_eq!(
            ContentType::new("Application/JSON; charset=utf-8"),
            ContentType::JSON
        );
    }
}
