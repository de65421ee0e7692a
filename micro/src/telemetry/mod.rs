//! What can be seen of calls and messages from outside.
//!
//! [`Metrics`] are the numbers, for programs; `GET /metrics` shows the same. Both ends make an observation of each call, if anybody looks, and tell it how the call ended.

mod meter;
mod metrics;
#[cfg(feature = "otel")]
pub(crate) mod otlp;
#[cfg(not(feature = "otel"))]
#[path = "absent.rs"]
pub(crate) mod otlp;
mod snapshot;
mod spans;

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{Stream, StreamExt};
use tracing::{Instrument, Span};

pub use self::metrics::Metrics;
#[cfg(feature = "otel")]
pub use self::otlp::otlp_layer;
pub(crate) use self::snapshot::CONTENT_TYPE;
pub use self::snapshot::{Latency, Series, Snapshot};

use self::meter::Timed;
use crate::broker::Delivery;
use crate::error::Result;
use crate::message::{Body, Request, Response};
use crate::trace::Traced;

/// One call, or one message, that somebody looks at.
#[derive(Debug)]
pub(crate) struct Observation {
    traced: Option<Arc<Traced>>,
    timed: Option<Timed>,
}

impl Observation {
    /// Of a call that is made; `None` if nobody looks.
    pub(crate) fn of_call(metrics: Option<&Metrics>, request: &mut Request) -> Option<Self> {
        let timed = metrics.map(|metrics| metrics.client(&request.service, &request.endpoint));
        Self::if_any(timed, || spans::call(request))
    }

    /// Of a call that is answered by what `find` finds, the service and the endpoint, if it is there.
    pub(crate) fn of_serving<'a>(
        metrics: Option<&Metrics>,
        request: &'a Request,
        find: impl FnOnce() -> Option<(&'a str, &'a str)>,
    ) -> Option<Self> {
        if metrics.is_none() && !spans::is_on() {
            return None;
        }
        let found = find();
        let timed = metrics.map(|metrics| metrics.server(found));
        Self::if_any(timed, || spans::serve(found, request))
    }

    /// Of a message that is published.
    pub(crate) fn of_publishing(metrics: Option<&Metrics>, request: &mut Request) -> Option<Self> {
        let timed = metrics.map(|metrics| metrics.publisher(&request.service, &request.endpoint));
        Self::if_any(timed, || spans::publish(request))
    }

    /// Of a message that is handled for `service`, by one of `group` or by all.
    pub(crate) fn of_handling(
        metrics: Option<&Metrics>,
        service: &str,
        group: Option<&str>,
        delivery: &Delivery,
    ) -> Option<Self> {
        let timed = metrics.map(|metrics| metrics.subscriber(service, &delivery.topic));
        Self::if_any(timed, || spans::handle(group, delivery))
    }

    fn if_any(timed: Option<Timed>, span: impl FnOnce() -> Option<Arc<Traced>>) -> Option<Self> {
        let traced = spans::is_on().then(span).flatten();
        (traced.is_some() || timed.is_some()).then_some(Self { traced, timed })
    }

    /// What the context of a handler keeps.
    pub(crate) fn traced(&self) -> Option<Arc<Traced>> {
        self.traced.clone()
    }

    /// Runs `call` in its span, and takes down how it ends.
    pub(crate) async fn round(
        self,
        call: impl Future<Output = Result<Response>>,
    ) -> Result<Response> {
        let span = self.span();
        let answer = call.instrument(span).await;
        self.settle(answer)
    }

    /// Takes down how a call ended; one that answers by a stream ends with that.
    pub(crate) fn settle(self, answer: Result<Response>) -> Result<Response> {
        match answer {
            Ok(mut response) => {
                response.body = match response.body {
                    Body::Stream(stream) => Body::Stream(
                        Observed {
                            stream,
                            observation: Some(self),
                        }
                        .boxed(),
                    ),
                    body => {
                        self.end(OK);
                        body
                    }
                };
                Ok(response)
            }
            Err(error) => {
                self.end(error.code());
                Err(error)
            }
        }
    }

    /// Takes down that it ended with `code`.
    pub(crate) fn end(self, code: u16) {
        if let Some(traced) = &self.traced
            && code != OK
        {
            spans::failed(&traced.span, code);
        }
        if let Some(timed) = self.timed {
            timed.end(code);
        }
    }

    /// Takes down that a message is tried no more.
    pub(crate) fn parked(&self) {
        if let Some(timed) = &self.timed {
            timed.parked();
        }
    }

    fn span(&self) -> Span {
        let traced = self.traced.as_ref();
        traced.map_or_else(Span::none, |traced| traced.span.clone())
    }
}

/// What is called so that is not told apart.
const OTHER: &str = "other";

/// How a call ends that does not fail.
pub(crate) const OK: u16 = 200;

/// Says which attempt of the call being made goes to `address`.
pub(crate) fn attempted(address: &str, number: u32) {
    if spans::is_on() {
        spans::attempt(address, number);
    }
}

/// Says that the call being made is sent to a second node while the first is at it.
pub(crate) fn hedged(metrics: Option<&Metrics>, request: &Request) {
    if let Some(metrics) = metrics {
        metrics.hedged(&request.service, &request.endpoint);
    }
    if spans::is_on() {
        spans::hedged();
    }
}

/// The replies of a call that is looked at.
struct Observed {
    stream: BoxStream<'static, Result<Bytes>>,
    /// `None` once it has ended.
    observation: Option<Observation>,
}

impl Stream for Observed {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let span = this.observation.as_ref().map(Observation::span);
        let next = match span {
            Some(span) => span.in_scope(|| this.stream.poll_next_unpin(cx)),
            None => this.stream.poll_next_unpin(cx),
        };
        let next = ready!(next);
        let ended = match &next {
            Some(Ok(_)) => None,
            Some(Err(error)) => Some(error.code()),
            None => Some(OK),
        };
        if let Some(code) = ended
            && let Some(observation) = this.observation.take()
        {
            observation.end(code);
        }
        Poll::Ready(next)
    }
}
