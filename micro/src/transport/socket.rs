//! A stream of messages each way, with half-close: the client's side.

use std::fmt;
use std::pin::Pin;

use bytes::Bytes;
use futures_util::Sink;
use futures_util::future::BoxFuture;

use crate::error::{Error, Result};
use crate::message::Response;

/// The outgoing half. Each item is a message, an `Err` item ends the half and says how, closing ends it
/// cleanly, and dropping it before cancels the stream.
pub type Outgoing = Pin<Box<dyn Sink<Result<Bytes>, Error = Error> + Send>>;

/// The incoming half: the head comes when the handler has accepted the stream, perhaps after some of the
/// outgoing messages; then its body is the messages.
pub type Incoming = BoxFuture<'static, Result<Response>>;

/// The client's side of an open stream. Both halves must be driven together, since either may wait for
/// the other; dropping the incoming half cancels the stream at the far end.
pub struct Socket {
    /// To the handler.
    pub outgoing: Outgoing,
    /// From the handler.
    pub incoming: Incoming,
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Socket")
    }
}
