//! A method as a proto file tells of it.

use std::any::type_name;

use crate::codec::format::Format;
use crate::codec::refusal::short_name;
use crate::codec::schema::Schema;

/// What a method takes and gives, and what callers are told of it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rpc {
    request: Payload,
    reply: Payload,
    idempotent: bool,
    docs: &'static str,
}

#[derive(Clone, Copy, Debug, Default)]
struct Payload {
    /// The name of the Rust type.
    name: &'static str,
    schema: Option<fn() -> Schema>,
    has_protobuf: bool,
    has_json: bool,
    streams: bool,
}

impl Payload {
    fn new<T>(format: &Format<T>, streams: bool) -> Self {
        Self {
            name: type_name::<T>(),
            schema: format.describe(),
            has_protobuf: format.has_protobuf(),
            has_json: format.has_json(),
            streams,
        }
    }

    /// What it looks like, or why that is not known.
    fn schema(&self) -> Result<Schema, String> {
        let name = short_name(self.name);
        match self.schema {
            Some(schema) => Ok(schema()),
            None if self.has_protobuf => Err(format!(
                "{name} comes from another proto file, which is not known here"
            )),
            None => Err(format!("{name} has no form in protobuf")),
        }
    }
}

impl Rpc {
    /// A method of one request and one reply of these formats.
    ///
    /// ```
    /// use micro::Message;
    /// use micro::codec::{ProtoFile, Rpc};
    ///
    /// #[micro::message]
    /// struct Every { millis: u64 }
    /// #[micro::message]
    /// struct Tick { number: u64 }
    ///
    /// let ticks = Rpc::new(&Every::format(), &Tick::format()).streams(false, true);
    /// let file = ProtoFile::new("chat").method("Chat.Ticks", ticks);
    ///
    /// assert!(file.to_string().contains("rpc Ticks (Every) returns (stream Tick);"));
    /// ```
    pub fn new<Q, R>(requests: &Format<Q>, replies: &Format<R>) -> Self {
        Self {
            request: Payload::new(requests, false),
            reply: Payload::new(replies, false),
            ..Self::default()
        }
    }

    /// Says on which sides there are many messages.
    pub fn streams(mut self, requests: bool, replies: bool) -> Self {
        (self.request.streams, self.reply.streams) = (requests, replies);
        self
    }

    /// Says that running it twice does what running it once does.
    pub fn idempotent(mut self) -> Self {
        self.idempotent = true;
        self
    }

    /// Says what it does.
    pub fn docs(mut self, text: &'static str) -> Self {
        self.docs = text;
        self
    }

    /// Both messages, or why one is not known.
    pub(super) fn schemas(&self) -> Result<(Schema, Schema), String> {
        Ok((self.request.schema()?, self.reply.schema()?))
    }

    pub(super) fn streams_requests(&self) -> bool {
        self.request.streams
    }

    pub(super) fn streams_replies(&self) -> bool {
        self.reply.streams
    }

    /// True if it can be called in JSON.
    pub(super) fn has_json(&self) -> bool {
        self.request.has_json && self.reply.has_json
    }

    pub(super) fn is_idempotent(&self) -> bool {
        self.idempotent
    }

    pub(super) fn text(&self) -> &'static str {
        self.docs
    }
}
