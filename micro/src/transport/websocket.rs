//! Frames inside the messages of a WebSocket: the client end, and the transport.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::FutureExt as _;
use hyper::header::{HeaderValue, SEC_WEBSOCKET_PROTOCOL, USER_AGENT};
use hyper::{Response, StatusCode};
use tokio_tungstenite::client_async_with_config;
use tokio_tungstenite::tungstenite::Error as Fault;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::handshake::client::Request;

use super::auto::AutoChannel;
use super::frames::{Dial, FramesChannel, Unconnected};
#[cfg(feature = "grpc")]
use super::http::grpc;
use super::http::web_frames::{Messages, PROTOCOL, config};
use super::http::{HttpChannel, HttpTransport};
use super::{Accept, Backend, Channel, Facts, Limits, Listener, Options, Transport, secured};
use crate::dial::{dial, refused, unreachable};
use crate::error::{Error, Result};
use crate::http::AGENT;
use crate::tls::{Ends, Protocol, SECURE, Stream, Way};

/// What the records of nodes say that listen by this transport.
const FACT: (&str, &str) = ("websocket", "1");

inventory::submit! {
    Backend {
        names: &["websocket"],
        open: |options| Ok(Arc::new(WebSocketTransport::open(options)?)),
    }
}

/// Frames inside the binary messages of a WebSocket, for places where only HTTP passes, such as behind a proxy: chosen by
/// `--transport=websocket`.
///
/// Calls and streams of all kinds share a connection, as in [frames](crate::wire_format), which bring their own limits,
/// flow control, pings and deadlines. A client opens it by `GET /` with the subprotocol `micro.frames`, in TLS with
/// `--tls`; HTTP/2 carries none. With the feature `transport-websocket`, every server that takes HTTP agrees to it, on any
/// path, so that only callers need to choose this transport. One that listens by it takes HTTP, and no bare frames.
///
/// A node of go-micro is called by [HTTP](HttpTransport). So is one of ours that does not agree, for five minutes; its
/// streams need the WebSocket. A proxy that answers 502, 503 or 504 says that the node is away.
#[derive(Clone, Debug, Default)]
pub struct WebSocketTransport {
    limits: Limits,
    ends: Ends,
    http: HttpTransport,
}

impl WebSocketTransport {
    /// A transport with these bounds.
    pub fn new(limits: Limits) -> Self {
        Self {
            http: HttpTransport::new(limits.clone()),
            ends: Ends::default(),
            limits,
        }
    }

    /// A transport as `options` want it, secured if they say so.
    ///
    /// # Errors
    ///
    /// `bad_request` for files that cannot be used.
    pub fn open(options: &Options) -> Result<Self> {
        Ok(Self {
            http: HttpTransport::open(options)?,
            ends: Ends::open(&options.tls)?,
            limits: options.limits.clone(),
        })
    }
}

#[async_trait]
impl Transport for WebSocketTransport {
    fn dial(&self, address: &str, facts: &Facts) -> Result<Arc<dyn Channel>> {
        #[cfg(feature = "grpc")]
        if grpc::is_spoken(facts) {
            return grpc::dial(address, facts, &self.limits, &self.ends);
        }
        let (limits, node, known) = (self.limits.clone(), address.to_owned(), facts.clone());
        let make = move |way: Way| {
            let http = HttpChannel::new(&node, &known, &limits, way.clone())?;
            let is_ours = http.is_to_ours();
            let frames = FramesChannel::new(&node, limits.clone(), upgraded(&node, &limits, way));
            Ok(AutoChannel::new(http, frames, &known, is_ours))
        };
        secured::dial(&self.ends, address, facts, make)
    }

    async fn listen(&self, address: &str, accept: Arc<dyn Accept>) -> Result<Box<dyn Listener>> {
        self.http.listen(address, accept).await
    }

    fn facts(&self) -> &'static [(&'static str, &'static str)] {
        match self.ends.is_on() {
            true => &[FACT, HttpTransport::OURS, SECURE],
            false => &[FACT, HttpTransport::OURS],
        }
    }

    fn name(&self) -> &'static str {
        // What everybody can speak with it.
        "http"
    }
}

/// Connections to `address`, begun in this `way`, each in a WebSocket.
fn upgraded(address: &str, limits: &Limits, way: Way) -> Dial {
    let (address, limits) = (Arc::<str>::from(address), limits.clone());
    Box::new(move |deadline| {
        let (address, limits, way) = (Arc::clone(&address), limits.clone(), way.clone());
        async move {
            let dialed = dial(&address, &limits, deadline, &way, Protocol::Http);
            let stream = dialed.await.map_err(Unconnected::Away)?;
            let agreed = tokio::time::timeout(limits.head_timeout, agree(&address, stream)).await;
            agreed.unwrap_or_else(|_| {
                let why = "it did not agree to a WebSocket within head_timeout";
                Err(Unconnected::Mute(unreachable(&address, why)))
            })
        }
        .boxed()
    })
}

async fn agree(address: &str, stream: Stream) -> Result<Stream, Unconnected> {
    let request = asking(address).map_err(|fault| told(address, fault))?;
    let agreed = client_async_with_config(request, stream, Some(config())).await;
    let (socket, _) = agreed.map_err(|fault| told(address, fault))?;
    Ok(Stream::Secured(Box::new(Messages::new(socket)), None))
}

fn asking(address: &str) -> Result<Request, Fault> {
    let mut request = format!("ws://{address}/").into_client_request()?;
    let headers = request.headers_mut();
    headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(PROTOCOL));
    headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
    Ok(request)
}

/// Why `address` did not agree.
fn told(address: &str, fault: Fault) -> Unconnected {
    let is_away = |reply: &Response<_>| {
        matches!(
            reply.status(),
            StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT
        )
    };
    match fault {
        Fault::Http(reply) if is_away(&reply) => {
            let why = format_args!("what is in between answers HTTP {}", reply.status());
            Unconnected::Away(unreachable(address, why))
        }
        Fault::Io(source) => match refused(address, &source) {
            Some(refused) => Unconnected::Away(refused.with_source(source)),
            None => Unconnected::Mute(no_frames(address, &source).with_source(source)),
        },
        fault => Unconnected::Mute(no_frames(address, &fault).with_source(fault)),
    }
}

fn no_frames(address: &str, why: &dyn fmt::Display) -> Error {
    unreachable(
        address,
        format_args!("it agrees to no frames in a WebSocket: {why}"),
    )
}
