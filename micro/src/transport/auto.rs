//! Frames between our own ends, HTTP with everybody else, on one port.
//!
//! The first byte of a connection, or the handshake of TLS, tells the server which; what the client knows of a node, by its record or by a header
//! of its replies, tells the client.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::frames::{self, Frames, FramesChannel, Unconnected};
#[cfg(feature = "grpc")]
use super::http::grpc;
use super::http::{Calls, HttpChannel};
use super::{
    Accept, Backend, Channel, Facts, Limits, Listener, Options, Socket, Transport, Web, is_silent,
    secured,
};
use crate::error::Result;
use crate::listener::{self, Serve, Site};
use crate::message::{Request, Response};
use crate::peer::Peer;
use crate::tls::{Ends, Protocol, SECURE, Stream, Way};

/// How long a node is spoken to by HTTP alone that did not answer in frames, as behind a proxy.
const HTTP_ONLY: Duration = Duration::from_secs(300);

/// Frames and HTTP on one port: what programs use that do not choose.
///
/// Calls between services of this framework go in [frames](crate::wire_format), calls of and to others by
/// [HTTP](super::HttpTransport). A node that is known to speak frames and does not answer in them, because a proxy is in
/// between, is called by HTTP for five minutes; its streams need frames, since such a proxy would tear them.
#[derive(Clone, Debug, Default)]
pub struct AutoTransport {
    limits: Limits,
    ends: Ends,
    web: Web,
}

impl AutoTransport {
    /// A transport with these bounds.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            ..Self::default()
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
            web: options.web.clone(),
        })
    }
}

#[async_trait]
impl Transport for AutoTransport {
    fn dial(&self, address: &str, facts: &Facts) -> Result<Arc<dyn Channel>> {
        #[cfg(feature = "grpc")]
        if grpc::is_spoken(facts) {
            return grpc::dial(address, facts, &self.limits, &self.ends);
        }
        let (limits, node, known) = (self.limits.clone(), address.to_owned(), facts.clone());
        let speaks_frames = facts.contains_key(frames::FACT);
        let make = move |way: Way| {
            let http = HttpChannel::new(&node, &known, &limits, way.clone())?;
            let dial = frames::direct(&node, &limits, way);
            let frames = FramesChannel::new(&node, limits.clone(), dial);
            Ok(AutoChannel::new(http, frames, &known, speaks_frames))
        };
        secured::dial(&self.ends, address, facts, make)
    }

    async fn listen(&self, address: &str, accept: Arc<dyn Accept>) -> Result<Box<dyn Listener>> {
        let both = Both {
            http: Calls::with_frames(Arc::clone(&accept), self.web.clone()),
            frames: Frames(accept),
        };
        let listener =
            listener::Listener::bind(address, both, self.limits.clone(), &self.ends).await?;
        Ok(Box::new(listener))
    }

    fn facts(&self) -> &'static [(&'static str, &'static str)] {
        match self.ends.is_on() {
            true => &[(frames::FACT, "1"), SECURE],
            false => &[(frames::FACT, "1")],
        }
    }

    fn name(&self) -> &'static str {
        // What everybody can speak with it.
        "http"
    }
}

/// What serves a connection: the one that its first byte names.
struct Both {
    http: Calls,
    frames: Frames,
}

impl Serve for Both {
    const PROTOCOLS: &'static [Protocol] = &[Protocol::Frames, Protocol::Http2, Protocol::Http];

    async fn serve(&self, mut stream: Stream, peer: Peer, site: &Site) {
        match stream.protocol() {
            Some(Protocol::Frames) => return self.frames.serve(stream, peer, site).await,
            Some(_) => return self.http.serve(stream, peer, site).await,
            None => {}
        }
        let peeked = tokio::time::timeout(site.limits.idle_timeout, stream.first());
        let peeked = tokio::select! {
            peeked = peeked => peeked,
            // HTTP has its own way of waiting for a call that is on its way.
            () = site.draining() => return self.http.serve(stream, peer, site).await,
        };
        match peeked {
            Ok(Ok(Some(0x80..))) => self.frames.serve(stream, peer, site).await,
            Ok(Ok(Some(_))) => self.http.serve(stream, peer, site).await,
            // It was closed, or said nothing.
            _ => tracing::debug!(%peer, "a connection of which nothing came is closed"),
        }
    }
}

/// The way to one node.
pub(super) struct AutoChannel {
    http: HttpChannel,
    frames: FramesChannel,
    /// More than its address.
    is_known: bool,
    speaks_frames: AtomicBool,
    since: Instant,
    /// Until when only HTTP is spoken: milliseconds after `since`.
    http_until: AtomicU64,
}

impl AutoChannel {
    /// The way by `frames` to a node of which that is known, and by `http` once it does not answer in them.
    pub(super) fn new(
        http: HttpChannel,
        frames: FramesChannel,
        known: &Facts,
        speaks_frames: bool,
    ) -> Self {
        Self {
            http,
            frames,
            is_known: !is_silent(known),
            speaks_frames: AtomicBool::new(speaks_frames),
            since: Instant::now(),
            http_until: AtomicU64::new(0),
        }
    }

    /// True if frames are to be tried.
    fn tries_frames(&self) -> bool {
        if self.http.has_seen_frames() {
            self.speaks_frames.store(true, Ordering::Relaxed);
        }
        self.speaks_frames.load(Ordering::Relaxed) && !self.is_http_only()
    }

    fn is_http_only(&self) -> bool {
        let until = self.http_until.load(Ordering::Relaxed);
        until != 0 && self.age(Duration::ZERO) < until
    }

    fn age(&self, later: Duration) -> u64 {
        let age = self.since.elapsed().saturating_add(later);
        u64::try_from(age.as_millis()).unwrap_or(u64::MAX)
    }

    /// The node, or what is in between, does not speak frames.
    fn fall_back(&self, why: &crate::Error) {
        let before = self.http_until.swap(self.age(HTTP_ONLY), Ordering::Relaxed);
        if before == 0 {
            tracing::warn!(%why, "a node does not answer in frames; it is called by HTTP for 5 minutes");
        }
    }
}

fn behind_a_proxy(endpoint: &str) -> crate::Error {
    let detail = format!(
        "{endpoint} streams, and its node, which takes frames, does not answer in them: \
         a proxy in between must let them through"
    );
    crate::Error::not_implemented("micro.transport.auto", detail)
}

impl Channel for AutoChannel {
    fn call(&self, request: Request) -> BoxFuture<'_, Result<Response>> {
        async move {
            if self.tries_frames() {
                match self.frames.connection(request.deadline).await {
                    Ok(connection) => {
                        return frames::call(Some(&self.frames), connection, request).await;
                    }
                    Err(Unconnected::Away(error)) => return Err(error),
                    Err(Unconnected::Mute(error)) => self.fall_back(&error),
                }
            }
            self.http.call(request).await
        }
        .boxed()
    }

    fn open(&self, request: Request) -> BoxFuture<'_, Result<Socket>> {
        async move {
            // A proxy in between would take the messages of a stream for requests with a reply each.
            if self.speaks_frames.load(Ordering::Relaxed) && self.is_http_only() {
                return Err(behind_a_proxy(&request.endpoint));
            }
            // Of a node that was named by its address alone nothing is known.
            if self.tries_frames() || !(self.is_known || self.is_http_only()) {
                match self.frames.connection(request.deadline).await {
                    Ok(connection) => {
                        return frames::open(Some(&self.frames), connection, request).await;
                    }
                    Err(Unconnected::Away(error)) => return Err(error),
                    Err(Unconnected::Mute(error)) => self.fall_back(&error),
                }
                if self.speaks_frames.load(Ordering::Relaxed) {
                    return Err(behind_a_proxy(&request.endpoint));
                }
            }
            self.http.open(request).await
        }
        .boxed()
    }
}

impl fmt::Debug for AutoChannel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AutoChannel({:?})", self.frames)
    }
}

inventory::submit! {
    Backend {
        names: &["auto"],
        open: |options| Ok(Arc::new(AutoTransport::open(options)?)),
    }
}
