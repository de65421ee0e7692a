//! The subscriber's end: takes what is posted into the queues of this process.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::{Method, StatusCode};

use super::{ID, query};
use crate::broker::envelope;
use crate::broker::queue::Queue;
use crate::error::{Error, Result};
use crate::http::{Answer, Exchange, Fault, Outbound, too_large};
use crate::listener::Listener;
use crate::registry::Node;
use crate::wire;

/// Where messages are posted, by generation.
pub(super) const PATHS: [&str; 2] = ["/", "/_sub"];
/// Where a node of ours is given what another one parked.
pub(super) const PARK: &str = "/_park";
/// Where a node is asked to hand out what it parked.
pub(super) const REPLAY: &str = "/_replay";
/// Whether a message was taken, and how many were handed out again.
const REACHED: HeaderName = HeaderName::from_static(wire::Header::Reached.name());
pub(super) const REPLAYED: HeaderName = HeaderName::from_static("x-micro-replayed");

/// What listens for messages; dropping the last hold on it closes it.
pub(super) struct Hub {
    pub(super) listener: Listener,
    /// Where others are told to post.
    pub(super) address: String,
}

/// The subscriptions of this process, by the id of their node; one that is announced in several ways has several.
#[derive(Default)]
pub(super) struct Entries(Mutex<HashMap<String, Entry>>);

/// One subscription, as it is announced.
#[derive(Clone)]
pub(super) struct Entry {
    pub(super) topic: Arc<str>,
    pub(super) version: String,
    pub(super) node: Node,
    pub(super) queue: Arc<Queue>,
}

impl Entries {
    pub(super) fn insert(&self, entry: Entry) {
        self.lock().insert(entry.node.id.clone(), entry);
    }

    pub(super) fn remove(&self, id: &str) {
        self.lock().remove(id);
    }

    fn queue(&self, id: &str) -> Option<(Arc<str>, Arc<Queue>)> {
        let entries = self.lock();
        let entry = entries.get(id)?;
        Some((Arc::clone(&entry.topic), Arc::clone(&entry.queue)))
    }

    /// The subscriptions of `topic`.
    pub(super) fn of(&self, topic: &str) -> Vec<Entry> {
        let entries = self.lock();
        let own = entries.values().filter(|entry| *entry.topic == *topic);
        own.cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Entry>> {
        // Each change is one call, so that a panic leaves it whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Answers what is posted.
pub(super) struct Inbox(pub(super) Arc<Entries>);

impl Answer for Inbox {
    async fn answer(&self, exchange: Exchange<'_>) -> hyper::Response<Outbound> {
        self.take(exchange).await.unwrap_or_else(|error| {
            tracing::debug!(%error, "a message was not taken");
            failure(&error)
        })
    }
}

impl Inbox {
    async fn take(&self, exchange: Exchange<'_>) -> Result<hyper::Response<Outbound>> {
        if exchange.parts.method != Method::POST {
            let detail = format!(
                "{} takes nothing: messages are posted",
                exchange.parts.method
            );
            return Err(Error::method_not_allowed(ID, detail).never_reached());
        }
        let uri = exchange.parts.uri.clone();
        let id = query::read(uri.query().unwrap_or_default());
        if uri.path() == REPLAY {
            return self.replay(&id).await;
        }
        let is_parked = uri.path() == PARK;
        if !is_parked && !PATHS.contains(&uri.path()) {
            return Err(Error::not_found(ID, "messages are posted to / or /_sub").never_reached());
        }
        let bytes = body(exchange).await?;
        let opened = envelope::read(None, &bytes)?;
        match self.0.queue(&id) {
            Some((topic, queue)) if *topic == *opened.topic => {
                match is_parked {
                    true => queue.keep(opened.message),
                    // Another member may have room; the publisher asks.
                    false => {
                        let (message, attempt) = (opened.message, opened.attempt);
                        queue.push(message, attempt, Duration::ZERO).await?;
                    }
                }
                Ok(success())
            }
            // go-micro says the same to its own; ours are told more.
            _ => {
                let gone = Error::unavailable(ID, "the subscriber has left").never_reached();
                let mut reply = success();
                let reached = HeaderValue::from_static(wire::reached(&gone));
                reply.headers_mut().insert(REACHED, reached);
                Ok(reply)
            }
        }
    }

    async fn replay(&self, id: &str) -> Result<hyper::Response<Outbound>> {
        let count = match self.0.queue(id) {
            Some((_, queue)) => queue.replay().await?,
            None => 0,
        };
        let mut reply = success();
        reply.headers_mut().insert(REPLAYED, count.into());
        Ok(reply)
    }
}

async fn body(exchange: Exchange<'_>) -> Result<Bytes> {
    let Exchange {
        site, pace, body, ..
    } = exchange;
    let limit = envelope::longest(&site.limits);
    let read = body.read(limit).await;
    pace.begin_handler();
    read.map_err(|fault| {
        let error = match fault {
            Fault::TooLarge(size) => too_large(ID, "a message", size, limit),
            Fault::Stalled => Error::timeout(
                ID,
                "a message came too slowly: see head_timeout and body_rate",
            ),
            Fault::Broken(source) => Error::internal(ID, "a message broke off").with_source(source),
        };
        error.never_reached()
    })
}

fn success() -> hyper::Response<Outbound> {
    hyper::Response::new(Bytes::new().into())
}

fn failure(error: &Error) -> hyper::Response<Outbound> {
    let mut reply = hyper::Response::new(Bytes::from(error.to_json()).into());
    *reply.status_mut() =
        StatusCode::from_u16(error.code()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = reply.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(REACHED, HeaderValue::from_static(wire::reached(error)));
    if error.code() == 405 {
        headers.insert(ALLOW, HeaderValue::from_static("POST"));
    }
    reply
}
