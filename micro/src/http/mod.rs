//! HTTP at both ends: what carriers and backends that speak it share.
//!
//! The server end is [`connection`] → [`http1`] or [`http2`] (with [`pace`] and [`watch`]) → an [`Answer`] of whoever listens, the client end
//! [`pool`], or [`grpc`] where calls share a connection; [`inbound`] serves both, and so does [`messages`] where they come back to back. What a message means is no
//! business of this module.

mod connection;
#[cfg(feature = "grpc")]
pub(crate) mod grpc;
mod http1;
mod http2;
mod inbound;
mod messages;
mod opening;
mod outbound;
mod owed;
mod pace;
mod paced;
mod pool;
mod watch;

use std::sync::{Mutex, PoisonError};

use futures_util::future::BoxFuture;

use hyper::header::{CONNECTION, HeaderMap};
use hyper::http::request::Parts;

use crate::listener::Site;
use crate::peer::Peer;

pub(crate) use inbound::{Fault, Inbound, too_large};
#[cfg(fuzzing)]
pub(crate) use messages::fuzz;
pub(crate) use messages::{Alike, Head, Of, Reader, Start, Whole, allowed};
pub(crate) use opening::Opened;
pub(crate) use outbound::Outbound;
pub(crate) use pace::Pace;
pub(crate) use pool::{Failed, Lease, Pool};

/// What the client end says that it is.
pub(crate) const AGENT: &str = concat!("micro/", env!("CARGO_PKG_VERSION"));

/// True if the peer closes the connection after this message.
pub(crate) fn is_closing(headers: &HeaderMap) -> bool {
    headers.get_all(CONNECTION).iter().any(|value| {
        let text = value.to_str().unwrap_or("close");
        text.split(',')
            .any(|option| option.trim().eq_ignore_ascii_case("close"))
    })
}

/// The headers as pairs of names and values.
pub(crate) fn pairs(headers: &HeaderMap) -> impl Iterator<Item = (&str, &[u8])> {
    headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_bytes()))
}

/// A request that has come: its head, and its body as it arrives.
pub(crate) struct Exchange<'a> {
    pub(crate) site: &'a Site,
    /// Who calls.
    pub(crate) peer: &'a Peer,
    pub(crate) pace: &'a Pace,
    pub(crate) parts: Parts,
    pub(crate) body: &'a mut Inbound,
    /// What the connection becomes once the reply has been sent, if something else than HTTP is asked for.
    #[cfg_attr(not(feature = "websocket"), expect(dead_code))]
    pub(crate) next: &'a Next,
}

/// What a connection becomes once the reply has been sent, if the request asked for something else than HTTP.
#[derive(Default)]
pub(crate) struct Next(Mutex<Option<Talk>>);

/// What is spoken from then on, at the site that the connection came to.
type Talk = Box<dyn FnOnce(&Site) -> BoxFuture<'_, ()> + Send>;

impl Next {
    /// Has the connection go on with `talk`, which waits for the connection by itself.
    #[cfg(feature = "websocket")]
    pub(crate) fn set(&self, talk: impl FnOnce(&Site) -> BoxFuture<'_, ()> + Send + 'static) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(talk));
    }

    fn take(&self) -> Option<Talk> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// What answers the requests of a [`Listener`](crate::listener::Listener).
pub(crate) trait Answer: Send + Sync + 'static {
    /// The reply. What is left unread of the body is read and forgotten after it.
    fn answer(
        &self,
        exchange: Exchange<'_>,
    ) -> impl Future<Output = hyper::Response<Outbound>> + Send;

    /// True if the connection from `peer` that begins with this head is a [stream](Self::stream). `None` if the body must be seen,
    /// which is shown then, if it is short. Never by default.
    fn streams(&self, head: &Head, body: Option<&[u8]>, peer: &str) -> Option<bool> {
        let _ = (head, body, peer);
        Some(false)
    }

    /// Serves a connection whose messages come back to back, from its first byte on.
    fn stream(
        &self,
        connection: Opened,
        peer: Peer,
        site: &Site,
    ) -> impl Future<Output = ()> + Send {
        let _ = (connection, peer, site);
        std::future::ready(())
    }
}
