//! The one loop that every call goes through: find, choose, send, and perhaps again.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt};
use tokio::time::{Instant, timeout_at};

use super::call::Plan;
use super::{Channels, Core, retry, stream};
use crate::error::{Error, Result};
use crate::message::{Body, ContentType, Request, Response};
use crate::registry::{Cache, Candidate, InFlight, Snapshot};
use crate::selector::{Outcome, Selector};
use crate::transport::Channel;

const ID: &str = "micro.client";

/// Where calls go.
pub(super) enum Route {
    /// To a node of the service, found and chosen.
    Discovered {
        cache: Cache,
        selector: Arc<dyn Selector>,
        channels: Channels,
    },
    /// Always there.
    Fixed(Arc<dyn Channel>),
}

/// Carries `request` to a handler and its reply back.
pub(super) fn run(core: Arc<Core>, mut request: Request) -> BoxFuture<'static, Result<Response>> {
    async move {
        // None if a wrapper made the request itself: then only its bytes are known.
        let mut plan: Option<Plan> = request.extensions.remove();
        let until = plan
            .as_ref()
            .map(|plan| plan.opened_by)
            .or(request.deadline);
        let window = Window {
            begun: Instant::now(),
            until: until.map(Instant::from_std),
        };
        let streams = plan.as_ref().is_some_and(|plan| plan.streams);
        match &core.route {
            Route::Fixed(channel) => {
                window
                    .bound("this process", deliver(&**channel, &mut request, streams))
                    .await
            }
            Route::Discovered {
                cache,
                selector,
                channels,
            } => {
                if let Some(address) = plan.as_mut().and_then(|plan| plan.address.take()) {
                    let channel = channels.to(&address)?;
                    let sent = window
                        .bound(&address, deliver(&*channel, &mut request, streams))
                        .await;
                    return sent.map_err(|error| located(error, &request, &address, 1));
                }
                let attempts = Attempts {
                    plan,
                    window,
                    number: 0,
                    retries: core.options.retries,
                    tried: Vec::new(),
                };
                let found = Found {
                    cache,
                    selector: &**selector,
                    channels,
                    patience: core.options.discovery,
                };
                attempts.run(found, request).await
            }
        }
    }
    .boxed()
}

/// The time that a call has.
#[derive(Clone, Copy)]
struct Window {
    begun: Instant,
    until: Option<Instant>,
}

impl Window {
    fn left(self) -> Duration {
        self.until.map_or(Duration::MAX, |until| {
            until.saturating_duration_since(Instant::now())
        })
    }

    /// Ends `work` when the time is over, saying how long that was and where it went.
    async fn bound<T>(self, place: &str, work: impl Future<Output = Result<T>>) -> Result<T> {
        let Some(until) = self.until else {
            return work.await;
        };
        let sent = Instant::now();
        timeout_at(until, work).await.unwrap_or_else(|_| {
            let allowed = until.saturating_duration_since(self.begun);
            let before = sent.saturating_duration_since(self.begun);
            let detail = format!("no answer from {place} within the {allowed:.0?} allowed, {before:.0?} of them spent before");
            Err(Error::timeout(ID, detail))
        })
    }
}

/// What nodes are found, chosen and reached by.
#[derive(Clone, Copy)]
struct Found<'a> {
    cache: &'a Cache,
    selector: &'a dyn Selector,
    channels: &'a Channels,
    /// How long to wait for a first node of a name that is new.
    patience: Duration,
}

/// The attempts of one call.
struct Attempts {
    plan: Option<Plan>,
    window: Window,
    number: u32,
    /// How often it may still be repeated after a node may have run it.
    retries: u32,
    tried: Vec<Arc<Candidate>>,
}

impl Attempts {
    async fn run(mut self, found: Found<'_>, mut request: Request) -> Result<Response> {
        let streams = self.plan.as_ref().is_some_and(|plan| plan.streams);
        let mut last = None;
        loop {
            let snapshot = match found.cache.peek(&request.service) {
                Some(snapshot) => snapshot,
                None => {
                    found
                        .cache
                        .snapshot(&request.service, self.window.left().min(found.patience))
                        .await?
                }
            };
            let Some(candidate) = self.choose(found.selector, &snapshot) else {
                return Err(last.unwrap_or_else(|| nobody(&request, &snapshot)));
            };
            self.number += 1;
            let mut in_flight = candidate.begin();
            let address = &*candidate.node.address;
            let sent = match self
                .fit(&candidate, &mut request)
                .and_then(|()| found.channels.to(address))
            {
                Ok(channel) => {
                    self.window
                        .bound(address, deliver(&*channel, &mut request, streams))
                        .await
                }
                Err(error) => Err(error),
            };
            let outcome = match &sent {
                Err(error) if !error.is_downstream() => Outcome::Failed,
                _ => Outcome::Answered,
            };
            found.selector.mark(&candidate, outcome);
            let error = match sent {
                Ok(response) => {
                    in_flight.answered();
                    return Ok(counted(response, in_flight));
                }
                Err(error) => error,
            };
            match error.code() {
                // Not the node's fault: the caller gave it too little time.
                408 if outcome == Outcome::Failed => {}
                _ if error.is_retryable() || outcome == Outcome::Failed => in_flight.failed(),
                _ => in_flight.answered(),
            }
            if error.is_never_reached() && outcome == Outcome::Failed {
                found.cache.eject(&candidate);
            }
            let again = self.may_repeat(&error, &candidate);
            let error = located(error, &request, address, self.number);
            if !again || self.window.left().is_zero() {
                return Err(error);
            }
            tracing::debug!(%error, attempt = self.number, "trying another node");
            self.tried.push(candidate);
            last = Some(error);
        }
    }

    /// One that fits and was not tried; ejected ones only if there is no other.
    fn choose(&self, selector: &dyn Selector, snapshot: &Snapshot) -> Option<Arc<Candidate>> {
        let fits = |candidate: &Candidate| {
            let wanted = self
                .plan
                .as_ref()
                .is_none_or(|plan| plan.filters.iter().all(|filter| filter.allows(candidate)));
            wanted
                && !self
                    .tried
                    .iter()
                    .any(|tried| tried.node.id == candidate.node.id)
        };
        let alive = |candidate: &Candidate| fits(candidate) && !candidate.is_ejected();
        let key = self
            .plan
            .as_ref()
            .and_then(|plan| plan.shard_key.as_deref());
        let chosen = match key {
            // Not the near ones first: callers on all hosts are to agree.
            Some(key) => snapshot
                .owner(key, &alive)
                .or_else(|| snapshot.owner(key, &fits)),
            None => snapshot
                .near()
                .and_then(|near| selector.select(near, &alive))
                .or_else(|| selector.select(snapshot, &alive))
                .or_else(|| selector.select(snapshot, &fits)),
        };
        chosen.cloned()
    }

    /// What never reached a handler is always repeated, what may have run only if that is safe, and not for ever.
    fn may_repeat(&mut self, error: &Error, candidate: &Candidate) -> bool {
        let Some(plan) = &self.plan else {
            return error.is_never_reached();
        };
        if !plan.payload.is_whole() {
            return false;
        }
        if error.is_never_reached() {
            return true;
        }
        let again = self.retries > 0 && retry::is_safe(error, &plan.method, candidate);
        self.retries = self.retries.saturating_sub(1);
        again
    }

    /// Makes `request` what this node takes, in the form and in the time that it announced.
    fn fit(&self, candidate: &Candidate, request: &mut Request) -> Result<()> {
        // A node may ask for less time than the caller allows, never for more.
        let announced = candidate
            .endpoint(&request.endpoint)
            .and_then(|endpoint| endpoint.metadata.get("timeout"));
        if let Some(timeout) = announced
            .and_then(|text| text.parse().ok())
            .map(Duration::from_nanos)
        {
            request.deadline = request
                .deadline
                .map(|deadline| deadline.min((self.window.begun + timeout).into_std()));
        }
        if takes(candidate, &request.endpoint, &request.content_type) {
            return Ok(());
        }
        let Some(plan) = self
            .plan
            .as_ref()
            .filter(|plan| plan.is_original(&request.body))
        else {
            return Err(mismatch(request, "a wrapper changed the body"));
        };
        let types = plan.payload.content_types();
        let Some(other) = types
            .into_iter()
            .find(|own| takes(candidate, &request.endpoint, own))
        else {
            return Err(mismatch(
                request,
                "the message cannot be written as anything it takes",
            ));
        };
        request.body = plan.payload.encode(&other)?;
        request.content_type = other;
        Ok(())
    }
}

/// Sends the request over `channel`. A unary body stays in the request, for another attempt.
async fn deliver(channel: &dyn Channel, request: &mut Request, streams: bool) -> Result<Response> {
    let mut head = Request::new(request.service.clone(), request.endpoint.clone());
    head.content_type = request.content_type.clone();
    head.accept.clone_from(&request.accept);
    head.metadata = request.metadata.clone();
    head.deadline = request.deadline;
    head.context = request.context.clone();
    if streams {
        return stream::open(channel, request, head).await;
    }
    if let Body::Bytes(bytes) = &request.body {
        head.body = Body::Bytes(bytes.clone());
    }
    channel.call(head).await
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

fn nobody(request: &Request, snapshot: &Snapshot) -> Error {
    let detail = match snapshot.candidates.len() {
        0 => format!("no node of {} is alive", request.service),
        known => format!(
            "none of the {known} nodes of {} fits the filters of the call",
            request.service
        ),
    };
    Error::unavailable(ID, detail).never_reached()
}

/// Says which call of which node failed; what a far end answered is left as it is.
fn located(error: Error, request: &Request, address: &str, attempt: u32) -> Error {
    if error.is_downstream() {
        return error;
    }
    let Request {
        service, endpoint, ..
    } = request;
    error.within(format_args!(
        "{endpoint} of {service} at {address}, attempt {attempt}"
    ))
}

/// True if the node says that it takes `content_type`; nodes of go-micro say nothing, and take these two.
fn takes(candidate: &Candidate, endpoint: &str, content_type: &ContentType) -> bool {
    let listed = candidate
        .endpoint(endpoint)
        .and_then(|endpoint| endpoint.metadata.get("content_types"));
    match listed {
        Some(types) => types.split(',').any(|own| own == content_type.as_str()),
        None => [ContentType::PROTOBUF, ContentType::JSON].contains(content_type),
    }
}

fn mismatch(request: &Request, why: &str) -> Error {
    let detail = format!(
        "{} does not take {}, and {why}",
        request.endpoint, request.content_type
    );
    Error::unsupported(ID, detail).never_reached()
}
