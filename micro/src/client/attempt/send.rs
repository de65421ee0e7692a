//! One attempt on one node, and what is learnt of the node from how it ends.

use std::sync::Arc;

use futures_util::StreamExt;
use tokio::time::Instant;

use super::super::spent::Spent;
use super::super::stream;
use super::super::window::{Window, ahead};
use super::Found;
use crate::error::Result;
use crate::message::{Body, Request, Response};
use crate::registry::{Candidate, InFlight, Snapshot};
use crate::selector::Outcome;
use crate::transport::Channel;

/// The way to a node, and the time for an attempt on it.
pub(super) struct Prepared {
    pub(super) channel: Arc<dyn Channel>,
    pub(super) window: Window,
    pub(super) spent: Spent,
}

impl Prepared {
    /// Sends `request`, which counts for the load of `candidate`.
    pub(super) async fn send(
        mut self,
        found: Found<'_>,
        snapshot: &Snapshot,
        candidate: &Candidate,
        request: &mut Request,
        streams: bool,
    ) -> Result<Response> {
        let mut in_flight = candidate.begin();
        let begun = self.spent.begun();
        let delivered = deliver(&*self.channel, request, streams, begun);
        let sent = self.window.bound(&mut self.spent.course, delivered).await;
        let address = &*candidate.node.address;
        let error = match self.spent.told(sent, self.window, request, address) {
            Ok(response) => {
                found.selector.mark(candidate, Outcome::Answered);
                in_flight.answered();
                return Ok(counted(response, in_flight));
            }
            Err(error) => error,
        };
        let outcome = if error.is_downstream() {
            Outcome::Answered
        } else {
            Outcome::Failed
        };
        found.selector.mark(candidate, outcome);
        match error.code() {
            // Too little time, or a form that the node does not take: no fault of its own.
            408 | 415 | 504 => {}
            429 | 502 | 503 => in_flight.failed(),
            _ if outcome == Outcome::Failed || error.is_never_reached() => in_flight.failed(),
            _ => in_flight.answered(),
        }
        if error.is_outage() {
            let ejection = found.ejection;
            found
                .cache
                .blame(candidate, &mut in_flight, snapshot, ejection);
        }
        // Time that ran out here says nothing about the node.
        let is_away = error.is_never_reached() && error.code() == 503;
        if is_away && outcome == Outcome::Failed {
            found.cache.eject(candidate);
        }
        Err(error)
    }
}

/// Sends the request over `channel`, `now`. A unary body stays in the request, for another attempt.
pub(super) async fn deliver(
    channel: &dyn Channel,
    request: &mut Request,
    streams: bool,
    now: Instant,
) -> Result<Response> {
    let mut copy = copied(request);
    if streams {
        copy.body = Body::default();
        return stream::open(channel, request, copy).await;
    }
    copy.deadline = request.deadline.map(|deadline| ahead(deadline, now));
    channel.call(copy).await
}

/// The same request for another to send, but for a body that streams, and for what wrappers left for those further in.
pub(super) fn copied(request: &Request) -> Request {
    let mut copy = Request::new(request.service.clone(), request.endpoint.clone());
    copy.content_type = request.content_type.clone();
    copy.accept.clone_from(&request.accept);
    copy.metadata = request.metadata.clone();
    copy.deadline = request.deadline;
    copy.context = request.context.clone();
    if let Body::Bytes(bytes) = &request.body {
        copy.body = Body::Bytes(bytes.clone());
    }
    copy
}

/// The response, whose stream counts as in flight until it is dropped.
fn counted(mut response: Response, in_flight: InFlight) -> Response {
    if let Body::Stream(stream) = response.body {
        let counted = stream.inspect(move |_| {
            let _ = &in_flight;
        });
        response.body = Body::Stream(counted.boxed());
    }
    response
}
