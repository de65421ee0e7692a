//! Calls and streams between our own ends: many on one connection, in frames.
//!
//! The format is specified in `docs/wire.md`. `frame`, `head` and `preface` read and write it; `outbox` and `inbox` hold
//! what goes and comes; `server` and `client` each drive one side of a connection; `channel` is the way to a node.

mod assembly;
mod channel;
mod client;
mod frame;
mod head;
mod inbox;
mod outbox;
mod pipe;
mod preface;
mod server;
#[cfg(test)]
mod tests;
mod watch;

use std::{fmt, io};

use self::preface::Preface;
use crate::transport::Limits;

const ID: &str = "micro.transport.frames";

/// What is wrong with what a peer sent; the connection ends with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Broken(&'static str);

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Broken {}

impl From<Broken> for io::Error {
    fn from(broken: Broken) -> Self {
        Self::other(broken)
    }
}

/// What a side with these limits takes.
fn limits_preface(limits: &Limits) -> Preface {
    let number = |size: usize| u32::try_from(size).unwrap_or(u32::MAX);
    Preface {
        stream: STREAM,
        connection: number(limits.message).max(CONNECTION),
        message: number(limits.message),
        calls: number(limits.calls),
    }
}

/// How many bytes of one stream may be on their way, and of all messages that span frames.
const STREAM: u32 = 256 << 10;
const CONNECTION: u32 = 8 << 20;
