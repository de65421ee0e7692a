//! Calls and streams between our own ends: many on one connection, in frames.
//!
//! The format is specified in `docs/wire.md`. `frame`, `head` and `preface` read and write it; `outbox` and `inbox` hold
//! what goes and comes; `server` and `client` each drive one side of a connection; `channel` is the way to a node.

mod assembly;
mod channel;
mod client;
mod frame;
#[cfg(fuzzing)]
pub(crate) mod fuzz;
mod head;
mod inbox;
mod outbox;
mod pipe;
mod preface;
mod server;
#[cfg(test)]
mod tests;
mod watch;

use std::sync::Arc;
use std::{fmt, io};

use async_trait::async_trait;

use self::preface::Preface;
use super::{Accept, Backend, Channel, Facts, Limits, Listener, Options, Transport, secured};
use crate::error::Result;
use crate::listener::{self, Serve, Site};
use crate::peer::Peer;
use crate::tls::{Ends, Protocol, SECURE, Stream};

#[cfg(feature = "transport-websocket")]
pub(super) use self::channel::Dial;
pub(super) use self::channel::{FramesChannel, direct};
#[cfg(feature = "http")]
pub(super) use self::channel::{Unconnected, call, open};
pub(super) use self::server::serve;

const ID: &str = "micro.transport.frames";

/// The metadata of nodes that speak frames on their port.
pub(super) const FACT: &str = "frames";

/// Frames alone: calls and streams between services of this framework, and with nobody else.
///
/// Many calls and streams share one connection; see [`wire_format`](crate::wire_format). A second connection to a node is
/// opened when as many calls are in flight on the first as the node takes, up to four.
#[derive(Clone, Debug, Default)]
pub struct FramesTransport {
    limits: Limits,
    ends: Ends,
}

impl FramesTransport {
    /// A transport with these bounds.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            ends: Ends::default(),
        }
    }

    /// A transport as `options` want it, secured if they say so.
    ///
    /// # Errors
    ///
    /// `bad_request` for files that cannot be used.
    pub fn open(options: &Options) -> Result<Self> {
        Ok(Self {
            limits: options.limits.clone(),
            ends: Ends::open(&options.tls)?,
        })
    }
}

#[async_trait]
impl Transport for FramesTransport {
    fn dial(&self, address: &str, facts: &Facts) -> Result<Arc<dyn Channel>> {
        let (limits, node) = (self.limits.clone(), address.to_owned());
        let make = move |way| {
            let dial = direct(&node, &limits, way);
            Ok(FramesChannel::new(&node, limits.clone(), dial))
        };
        secured::dial(&self.ends, address, facts, make)
    }

    async fn listen(&self, address: &str, accept: Arc<dyn Accept>) -> Result<Box<dyn Listener>> {
        let frames = Frames(accept);
        let listener =
            listener::Listener::bind(address, frames, self.limits.clone(), &self.ends).await?;
        Ok(Box::new(listener))
    }

    fn facts(&self) -> &'static [(&'static str, &'static str)] {
        match self.ends.is_on() {
            true => &[(FACT, "1"), SECURE],
            false => &[(FACT, "1")],
        }
    }

    fn name(&self) -> &'static str {
        "frames"
    }
}

inventory::submit! {
    Backend {
        names: &["frames"],
        open: |options| Ok(Arc::new(FramesTransport::open(options)?)),
    }
}

/// Serves the frames of a connection.
pub(super) struct Frames(pub(super) Arc<dyn Accept>);

impl Serve for Frames {
    const PROTOCOLS: &'static [Protocol] = &[Protocol::Frames];

    async fn serve(&self, stream: Stream, peer: Peer, site: &Site) {
        let accept = Arc::clone(&self.0);
        serve(stream, peer, accept, site).await;
    }
}

/// What is wrong with what a peer sent; the connection ends with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Broken(&'static str);

impl Broken {
    /// The peer wants to be spoken to in TLS.
    const TLS_ONLY: Self = Self("the peer takes TLS only");

    /// True if this is what `error` holds.
    fn is(self, error: &io::Error) -> bool {
        let held = error.get_ref().and_then(|held| held.downcast_ref());
        held == Some(&self)
    }
}

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
