//! How calls get to a node and back.
//!
//! [`Transport`] is the seam: call-level, so that pooling or multiplexing is each backend's own business
//! behind [`Channel`]. The client end dials, the server end listens; neither is known here.

#[cfg(all(feature = "frames", feature = "http"))]
mod auto;
#[cfg(any(feature = "frames", feature = "http"))]
mod bound;
#[cfg(feature = "frames")]
mod frames;
#[cfg(all(fuzzing, feature = "frames", feature = "http"))]
pub(crate) mod fuzz;
#[cfg(feature = "grpc")]
mod grpc;
#[cfg(feature = "http")]
mod http;
mod memory;
mod pipe;
#[cfg(any(feature = "frames", feature = "http"))]
mod secured;
mod socket;
#[cfg(feature = "transport-websocket")]
mod websocket;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::future::BoxFuture;

#[cfg(all(feature = "frames", feature = "http"))]
pub use self::auto::AutoTransport;
#[cfg(feature = "frames")]
pub use self::frames::FramesTransport;
#[cfg(feature = "grpc")]
pub use self::grpc::GrpcTransport;
#[cfg(feature = "http")]
pub use self::http::HttpTransport;
pub use memory::MemoryTransport;
pub(crate) use memory::direct;
pub use socket::{Incoming, Outgoing, Socket};
#[cfg(feature = "transport-websocket")]
pub use websocket::WebSocketTransport;

pub use crate::limits::Limits;
pub use crate::tls::Tls;

use crate::error::Result;
use crate::message::{Request, Response};
#[cfg(feature = "http")]
use crate::registry::PARTIAL;

/// A way to carry calls between processes.
#[async_trait]
pub trait Transport: fmt::Debug + Send + Sync {
    /// A channel to the node at `address`, of which its record says `facts`; they are empty if it was named by its
    /// address alone. Nothing is connected before the first call.
    ///
    /// # Errors
    ///
    /// `bad_request` if the address is not one of this transport's.
    fn dial(&self, address: &str, facts: &Facts) -> Result<Arc<dyn Channel>>;

    /// Serves `accept` at `address`, from now until the listener is closed or dropped.
    ///
    /// # Errors
    ///
    /// `bad_request` if the address is not one of this transport's, `unavailable` if it cannot be bound.
    async fn listen(&self, address: &str, accept: Arc<dyn Accept>) -> Result<Box<dyn Listener>>;

    /// What the records of nodes say beside the name, so that callers know how to speak with them. Nothing by default.
    fn facts(&self) -> &'static [(&'static str, &'static str)] {
        &[]
    }

    /// What callers can rely on; all of it by default. What a service needs beyond that is refused at its start.
    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
    }

    /// The name in the `transport` metadata of nodes, such as `http`.
    fn name(&self) -> &'static str;
}

/// The metadata of a node, as its record has it.
pub type Facts = BTreeMap<String, String>;

/// True if they say nothing of the node, so that it is known by its address alone.
#[cfg(feature = "http")]
fn is_silent(facts: &Facts) -> bool {
    facts.keys().all(|name| name == PARTIAL)
}

/// The way to one node.
pub trait Channel: fmt::Debug + Send + Sync {
    /// Carries one call whose request and reply are one message each.
    ///
    /// # Behavior
    ///
    /// - A call is carried there and back.
    /// - Calls at once each get their own answer.
    /// - A body of 1 MiB is carried there and back.
    /// - Metadata travels both ways.
    /// - An error that the far end answered is downstream.
    /// - An error is marked never reached only if no handler can have seen the request.
    /// - An error that is marked never reached arrives so marked.
    /// - A node that is not there was never reached.
    /// - Dropping the future cancels the call at the far end.
    /// - Closing a listener ends its calls.
    /// - The request's deadline travels with it.
    /// - While the server is away a call is `unavailable`.
    /// - Calls come through once the server is back.
    ///
    /// Waiting no longer than the deadline is the caller's business. What downstream and never reached mean:
    /// [`is_downstream`](crate::Error::is_downstream), [`is_never_reached`](crate::Error::is_never_reached).
    fn call(&self, request: Request) -> BoxFuture<'_, Result<Response>>;

    /// Opens a stream of messages each way. The request's own body is not sent: what goes out is written to the
    /// socket.
    ///
    /// # Behavior
    ///
    /// - Messages can be written once the stream is open.
    /// - Whether the far end accepts the stream, the incoming half says.
    /// - Messages go both ways, and each half ends by itself.
    /// - An error of the far end's stream arrives behind what came before.
    /// - Dropping the socket cancels the stream at the far end.
    /// - A transport that carries no streams answers `not_implemented`.
    ///
    /// # Errors
    ///
    /// As [`call`](Self::call).
    fn open(&self, request: Request) -> BoxFuture<'_, Result<Socket>>;
}

/// What a listener hands calls to.
pub trait Accept: Send + Sync {
    /// True if the endpoint that this head names streams in either direction.
    fn streams(&self, head: &Request) -> bool;

    /// Answers one call; the bodies are streams where the endpoint streams.
    ///
    /// Dropping the future, or the body of the reply, cancels the call. An error that is marked
    /// [never reached](crate::Error::is_never_reached) must arrive so marked at the caller.
    fn call(&self, request: Request) -> BoxFuture<'static, Result<Response>>;

    /// The service that has `endpoint`: the one whose name is the proto package `package`, or else any. `None` if there
    /// is none.
    fn locate(&self, package: &str, endpoint: &str) -> Option<Cow<'static, str>> {
        let _ = endpoint;
        Some(Cow::Owned(package.to_owned()))
    }

    /// What is shown at `path`, such as `/metrics`, to whoever asks by GET. Nothing by default; transports that have no
    /// paths never ask.
    fn page(&self, path: &str) -> Option<BoxFuture<'static, Page>> {
        let _ = path;
        None
    }
}

/// What a server shows of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Page {
    /// The status, as HTTP has it.
    pub status: u16,
    /// The media type, with its parameters.
    pub content_type: &'static str,
    /// The text.
    pub text: String,
}

impl Page {
    /// A page.
    pub fn new(status: u16, content_type: &'static str, text: String) -> Self {
        Self {
            status,
            content_type,
            text,
        }
    }
}

/// A bound address that is being served. Dropping it closes it.
#[async_trait]
pub trait Listener: fmt::Debug + Send + Sync {
    /// The bound address, such as `127.0.0.1:40211`: the real port where 0 was asked for.
    fn address(&self) -> &str;

    /// How many connections are open; 0 by default, for transports that have none.
    fn connections(&self) -> usize {
        0
    }

    /// Stops accepting connections, lets calls in flight finish, and waits until all connections have ended.
    async fn drain(&self);

    /// Ends every connection at once.
    fn close(&self);
}

/// What a transport can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Capabilities {
    /// True if it carries streams.
    pub streams: bool,
    /// True if each end is told when the other gives a call up: a caller that waits no more, or a listener that closes.
    pub cancels: bool,
}

impl Default for Capabilities {
    fn default() -> Self {
        Self {
            streams: true,
            cancels: true,
        }
    }
}

/// What a transport is opened with.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Options {
    /// Where the backend is, for transports that go through a server. Empty means its default.
    pub addresses: Vec<String>,
    /// The bounds.
    pub limits: Limits,
    /// How connections are secured. A backend that does says `secure=true` in its [facts](Transport::facts); a program
    /// that asks for TLS runs with no other.
    pub tls: Tls,
    /// What pages in browsers may ask, of transports that speak HTTP.
    pub web: Web,
}

/// What pages in browsers may ask of a server that speaks HTTP. Nothing but from itself by default.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Web {
    /// The origins whose pages may call and read, such as `https://app.example`, or `*` for all; set by
    /// `--allow_origin`.
    pub origins: Vec<String>,
    /// The names of hosts that are answered over the loopback interface beside `localhost` and addresses; set by
    /// `--allow_host`. Others are refused, since a page of theirs can make a browser take this host for its own server.
    pub hosts: Vec<String>,
}

/// One backend in the table of those that are compiled in.
#[derive(Debug)]
pub struct Backend {
    /// The names it is chosen by, the usual one first.
    pub names: &'static [&'static str],
    /// Opens it.
    pub open: fn(&Options) -> Result<Arc<dyn Transport>>,
}

inventory::collect!(Backend);
