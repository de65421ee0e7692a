//! HTTP/1.1 at both ends: what carriers and backends that speak it share.
//!
//! The server end is [`listener`] → [`connection`] (with [`pace`]) → an [`Answer`] of whoever listens, the client end
//! [`pool`]; [`body`] serves both. What a message means is no business of this module.

mod body;
mod connection;
mod listener;
mod pace;
mod pool;

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::http::request::Parts;

pub(crate) use body::{Fault, Inbound, too_large};
pub(crate) use listener::{Listener, Site};
pub(crate) use pace::Pace;
pub(crate) use pool::{Failed, Lease, Pool};

/// Who speaks in the errors of this module.
const ID: &str = "micro.http";

/// A request that has come: its head, and its body as it arrives.
pub(crate) struct Exchange<'a> {
    pub(crate) site: &'a Site,
    /// Where the caller is.
    pub(crate) peer: &'a Arc<str>,
    pub(crate) pace: &'a Pace,
    pub(crate) parts: Parts,
    pub(crate) body: &'a mut Inbound,
}

/// What answers the requests of a listener.
pub(crate) trait Answer: Send + Sync + 'static {
    /// The reply. What is left unread of the body is read and forgotten after it.
    fn answer(
        &self,
        exchange: Exchange<'_>,
    ) -> impl Future<Output = hyper::Response<Full<Bytes>>> + Send;
}
