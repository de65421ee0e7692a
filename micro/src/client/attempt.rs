//! The one loop that every call goes through: find, choose, send, and perhaps again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::call::Plan;
use super::{Channels, Core, retry, stream};
use crate::error::{Error, Result};
use crate::message::{Body, ContentType, Request, Response};
use crate::registry::{Cache, Candidate, Snapshot};
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
///
/// There is no plan if a wrapper made the request itself: then only its bytes are known.
pub(super) async fn run(
    core: &Core,
    mut request: Request,
    mut plan: Option<Plan>,
) -> Result<Response> {
    let until = match &plan {
        Some(plan) => plan.opened_by,
        None => request.deadline,
    };
    let window = Window::new(until);
    let streams = plan.as_ref().is_some_and(|plan| plan.streams);
    match &core.route {
        Route::Fixed(channel) => {
            let delivered = deliver(&**channel, &mut request, streams);
            window.bound("this process", delivered).await
        }
        Route::Discovered {
            cache,
            selector,
            channels,
        } => {
            if let Some(address) = plan.as_mut().and_then(|plan| plan.address.take()) {
                let channel = channels.to(&address)?;
                let delivered = deliver(&*channel, &mut request, streams);
                let sent = window.bound(&address, delivered).await;
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

/// The time that a call has.
#[derive(Clone, Copy)]
pub(super) struct Window {
    begun: Instant,
    until: Option<Instant>,
}

impl Window {
    /// From now until then; `None` means without an end.
    pub(super) fn new(until: Option<Instant>) -> Self {
        let begun = Instant::now();
        Self { begun, until }
    }

    fn left(self) -> Duration {
        self.until.map_or(Duration::MAX, |until| {
            until.saturating_duration_since(Instant::now())
        })
    }

    /// Ends `work` when the time is over, saying how long that was and where it went.
    pub(super) async fn bound<T>(
        self,
        place: &str,
        work: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let Some(until) = self.until else {
            return work.await;
        };
        let sent = Instant::now();
        tokio::time::timeout_at(until.into(), work).await.unwrap_or_else(|_| {
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

impl Found<'_> {
    /// Sends `request` to `candidate`, and says how that went to those who choose.
    async fn send(
        self,
        candidate: &Candidate,
        request: &mut Request,
        streams: bool,
        window: Window,
    ) -> Result<Response> {
        let address = &*candidate.node.address;
        let channel = self.channels.to(address).map_err(|error| {
            self.cache.eject(candidate);
            error.never_reached()
        })?;
        let delivered = deliver(&*channel, request, streams);
        let sent = window.bound(address, delivered).await;
        let outcome = match &sent {
            Err(error) if !error.is_downstream() => Outcome::Failed,
            _ => Outcome::Answered,
        };
        self.selector.mark(candidate, outcome);
        // Time that ran out here says nothing about the node.
        let is_away = |error: &Error| error.is_never_reached() && error.code() == 503;
        if outcome == Outcome::Failed && sent.as_ref().is_err_and(is_away) {
            self.cache.eject(candidate);
        }
        sent
    }
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
        let deadline = request.deadline;
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
            request.deadline = deadline;
            let sent = match self.fit(&candidate, &mut request) {
                Ok(()) => {
                    found
                        .send(&candidate, &mut request, streams, self.window)
                        .await
                }
                Err(error) => Err(error),
            };
            let error = match sent {
                Ok(response) => return Ok(response),
                Err(error) => error,
            };
            let again = self.may_repeat(&error, &candidate);
            let error = located(error, &request, &candidate.node.address, self.number);
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
        let alive = selector.select(snapshot, &|candidate| {
            fits(candidate) && !candidate.is_ejected()
        });
        alive.or_else(|| selector.select(snapshot, &fits)).cloned()
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
    fn fit(&mut self, candidate: &Candidate, request: &mut Request) -> Result<()> {
        // A node may ask for less time than the caller allows, never for more.
        let announced = candidate
            .endpoint(&request.endpoint)
            .and_then(|endpoint| endpoint.metadata.get("timeout"));
        let theirs = announced
            .and_then(|text| text.parse().ok())
            .and_then(|timeout| self.window.begun.checked_add(Duration::from_nanos(timeout)));
        if let (Some(own), Some(theirs)) = (request.deadline, theirs) {
            request.deadline = Some(own.min(theirs));
        }
        if takes(candidate, &request.endpoint, &request.content_type) {
            return Ok(());
        }
        let Some(plan) = self
            .plan
            .as_mut()
            .filter(|plan| plan.is_original(&request.body))
        else {
            return Err(mismatch(request, "a wrapper changed the body"));
        };
        let taken = |own: &ContentType| takes(candidate, &request.endpoint, own);
        let Some(other) = plan.payload.content_type(&taken) else {
            return Err(mismatch(
                request,
                "the message cannot be written as anything it takes",
            ));
        };
        request.body = plan.encode(&other)?;
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
