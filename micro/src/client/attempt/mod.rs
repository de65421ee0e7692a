//! The one loop that every call goes through: find, choose, send, and perhaps again.

mod hedge;
mod send;

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;

use self::send::{Prepared, deliver};
use super::call::Plan;
use super::retry::Budget;
use super::spent::Spent;
use super::window::{AHEAD, Window};
use super::{Channels, Core, ID, fit, retry};
use crate::error::{Error, Result};
use crate::message::{Request, Response};
use crate::metadata::ATTEMPT;
use crate::registry::{Cache, Candidate, Ejection, Snapshot};
use crate::selector::Selector;
use crate::telemetry::{self, Metrics};
use crate::transport::{Channel, Facts};

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
    let mut spent = Spent::new(window.begun);
    match &core.route {
        Route::Fixed(channel) => {
            let delivered = deliver(&**channel, &mut request, streams, window.begun);
            let sent = window.bound(&mut spent.course, delivered).await;
            spent.told(sent, window, &request, "this process")
        }
        Route::Discovered {
            cache,
            selector,
            channels,
        } => {
            if let Some(address) = plan.as_mut().and_then(|plan| plan.address.take()) {
                let channel = channels.to(&address, &Facts::new())?;
                telemetry::attempted(&address, 1);
                let delivered = deliver(&*channel, &mut request, streams, window.begun);
                let sent = window.bound(&mut spent.course, delivered).await;
                let sent = spent.told(sent, window, &request, &address);
                return sent.map_err(|error| located(error, &request, &address, 1));
            }
            core.budget.add(window.begun);
            let own = plan.as_ref().and_then(|plan| plan.hedge);
            let attempts = Attempts {
                hedge: own.unwrap_or(core.options.hedge),
                plan,
                window,
                deadline: request.deadline,
                number: 0,
                retries: core.options.retries,
                pauses: 0,
                spent,
                tried: Vec::new(),
            };
            let found = Found {
                cache,
                selector: &**selector,
                channels,
                budget: &core.budget,
                metrics: core.metrics.as_ref(),
                ejection: &core.options.ejection,
                patience: core.options.discovery,
            };
            attempts.run(found, request).await
        }
    }
}

/// What nodes are found, chosen and reached by.
#[derive(Clone, Copy)]
struct Found<'a> {
    cache: &'a Cache,
    selector: &'a dyn Selector,
    channels: &'a Channels,
    budget: &'a Budget,
    metrics: Option<&'a Metrics>,
    ejection: &'a Ejection,
    /// How long to wait for a first node of a name that is new, or for one that can be reached.
    patience: Duration,
}

/// The attempts of one call.
struct Attempts {
    plan: Option<Plan>,
    window: Window,
    /// What the caller allows the handler; nodes may ask for less.
    deadline: Option<Instant>,
    number: u32,
    /// After how long a second node is asked, too; zero once it was, or if none is to be.
    hedge: Duration,
    /// How often it may still be repeated after a node may have run it.
    retries: u32,
    /// How often it has waited before an attempt.
    pauses: u32,
    spent: Spent,
    /// The nodes that failed, until all have.
    tried: Vec<Arc<Candidate>>,
}

impl Attempts {
    async fn run(mut self, found: Found<'_>, mut request: Request) -> Result<Response> {
        let mut last = None;
        loop {
            let snapshot = match found.cache.peek(&request.service) {
                Some(snapshot) => snapshot,
                None => {
                    let patience = self.window.left().min(found.patience);
                    match found.cache.snapshot(&request.service, patience).await {
                        Ok(snapshot) => snapshot,
                        Err(error) => return Err(last.unwrap_or(error)),
                    }
                }
            };
            let chosen = self.choose_any(found.selector, &snapshot).cloned();
            let Some(candidate) = chosen else {
                let error = last.take().unwrap_or_else(|| nobody(&request, &snapshot));
                if !self.begin_anew(&error, found.patience).await {
                    return Err(error);
                }
                last = Some(error);
                continue;
            };
            self.number += 1;
            let ended = if self.may_hedge(&candidate) {
                // Boxed, so that a call that does not hedge is no larger for it.
                let hedged = self.hedged(found, &snapshot, candidate, &mut request);
                hedged.boxed().await
            } else {
                let attempt = self.attempt(found, &snapshot, &candidate, &mut request);
                let answer = attempt.await;
                (candidate, self.number, answer)
            };
            let (candidate, number, answer) = ended;
            let error = match answer {
                Ok(response) => return Ok(response),
                Err(error) => error,
            };
            self.spent.attempted();
            let again = self.may_repeat(&error, &candidate, found.budget);
            let mut error = located(error, &request, &candidate.node.address, number);
            if again == Repeat::Spent {
                error = error.within("not repeated, the budget is spent (client_retry_budget)");
            }
            let ready = match again {
                Repeat::No | Repeat::Spent => false,
                Repeat::Elsewhere => !self.window.left().is_zero(),
                Repeat::Later => self.pause(self.window).await,
            };
            if !ready {
                return Err(error);
            }
            tracing::debug!(%error, attempt = self.number, "trying again");
            self.tried.push(candidate);
            last = Some(error);
        }
    }

    /// One attempt on `candidate`.
    async fn attempt(
        &mut self,
        found: Found<'_>,
        snapshot: &Snapshot,
        candidate: &Arc<Candidate>,
        request: &mut Request,
    ) -> Result<Response> {
        let prepared = self.prepare(found, snapshot, candidate, request).await?;
        let streams = self.streams();
        prepared
            .send(found, snapshot, candidate, request, streams)
            .await
    }

    /// Makes `request` what `candidate` takes, and finds the way there.
    async fn prepare(
        &mut self,
        found: Found<'_>,
        snapshot: &Snapshot,
        candidate: &Arc<Candidate>,
        request: &mut Request,
    ) -> Result<Prepared> {
        let window = self.share(candidate, snapshot);
        request.deadline = match window.until {
            Some(until) if !self.streams() => self.deadline.map(|own| own.min(until.into_std())),
            _ => self.deadline,
        };
        if self.number > 1 {
            request.metadata.set(ATTEMPT, &self.number.to_string());
        }
        let address = &*candidate.node.address;
        telemetry::attempted(address, self.number);
        let facts = &candidate.node.metadata;
        let channel = found.channels.to(address, facts).map_err(|error| {
            found.cache.eject(candidate);
            error.never_reached()
        })?;
        fit::complete(&*channel, candidate, &request.endpoint, window).await;
        fit::fit(request, self.plan.as_mut(), candidate, self.window.begun)?;
        self.spent.begin();
        Ok(Prepared {
            channel,
            window,
            spent: self.spent,
        })
    }

    fn streams(&self) -> bool {
        self.plan.as_ref().is_some_and(|plan| plan.streams)
    }

    /// One that fits and was not tried; ejected ones only if there is no other.
    fn choose_any<'a>(
        &self,
        selector: &dyn Selector,
        snapshot: &'a Snapshot,
    ) -> Option<&'a Arc<Candidate>> {
        let fits = |candidate: &Candidate| self.fits(candidate);
        self.choose(selector, snapshot)
            .or_else(|| match self.shard_key() {
                Some(key) => snapshot.owner(key, &fits),
                None => selector.select(snapshot, &fits),
            })
    }

    /// One that fits, was not tried and is not ejected.
    fn choose<'a>(
        &self,
        selector: &dyn Selector,
        snapshot: &'a Snapshot,
    ) -> Option<&'a Arc<Candidate>> {
        let alive = |candidate: &Candidate| self.fits(candidate) && !candidate.is_ejected();
        match self.shard_key() {
            // Not the near ones first: callers on all hosts are to agree.
            Some(key) => snapshot.owner(key, &alive),
            None => snapshot
                .near()
                .and_then(|near| selector.select(near, &alive))
                .or_else(|| selector.select(snapshot, &alive)),
        }
    }

    fn shard_key(&self) -> Option<&str> {
        self.plan.as_ref()?.shard_key.as_deref()
    }

    fn fits(&self, candidate: &Candidate) -> bool {
        let filters = self.plan.iter().flat_map(|plan| &plan.filters);
        filters.into_iter().all(|filter| filter.allows(candidate))
            && self
                .tried
                .iter()
                .all(|tried| tried.node.id != candidate.node.id)
    }

    /// The time for an attempt on `candidate`: all that is left, unless another node could take over from it.
    fn share(&self, candidate: &Candidate, snapshot: &Snapshot) -> Window {
        let is_repeatable = self.is_repeatable(candidate);
        let is_other =
            |other: &Arc<Candidate>| other.node.id != candidate.node.id && self.fits(other);
        if self.retries > 0 && is_repeatable && snapshot.candidates.iter().any(is_other) {
            self.window.share(self.retries + 1)
        } else {
            self.window
        }
    }

    /// True if running the method again, after `candidate` may have run it, does no harm.
    fn is_repeatable(&self, candidate: &Candidate) -> bool {
        self.plan.as_ref().is_some_and(|plan| {
            plan.payload.is_whole() && retry::is_idempotent(&plan.method, candidate)
        })
    }

    /// What never reached a handler is always repeated, what may have run only if that is safe, and not for ever.
    fn may_repeat(&mut self, error: &Error, candidate: &Candidate, budget: &Budget) -> Repeat {
        let is_whole = self
            .plan
            .as_ref()
            .is_none_or(|plan| plan.payload.is_whole());
        if error.is_never_reached() && is_whole {
            return Repeat::Elsewhere;
        }
        let is_safe = retry::is_mendable(error) && self.is_repeatable(candidate);
        // A far end whose time ran out says so while there is a little left: too little for another.
        let is_over = error.is_late() && self.window.left() <= AHEAD;
        if !is_safe || is_over || self.retries == 0 {
            return Repeat::No;
        }
        self.retries -= 1;
        if budget.take() {
            Repeat::Later
        } else {
            Repeat::Spent
        }
    }

    /// Waits a little longer each time; false if `window` is over before.
    async fn pause(&mut self, window: Window) -> bool {
        let pause = retry::pause(self.pauses);
        self.pauses += 1;
        let is_time = window.pause(pause).await;
        self.spent.paused();
        is_time
    }

    /// Lets the nodes be tried again after all have failed with `error`; false if that is no use.
    async fn begin_anew(&mut self, error: &Error, patience: Duration) -> bool {
        if self.tried.is_empty() {
            return false;
        }
        self.tried.clear();
        // What may have run has waited already. Nodes that cannot be reached may be about to start again, or a new one
        // to come, which is waited for as long as for a first one.
        !error.is_never_reached()
            || (error.code() == 503 && self.pause(self.window.first(patience)).await)
    }
}

/// Which attempt settled the call, or failed last: on which node, its number, and what came of it.
type Ended = (Arc<Candidate>, u32, Result<Response>);

/// What follows an attempt that failed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Repeat {
    No,
    /// It would be repeated, but for the budget.
    Spent,
    /// On another node, at once.
    Elsewhere,
    /// After a pause.
    Later,
}

fn nobody(request: &Request, snapshot: &Snapshot) -> Error {
    let detail = match snapshot.candidates.len() {
        0 => format!("no node of {} is alive", request.service),
        known => format!(
            "none of the {known} nodes of {} fits the filters of the call",
            request.service
        ),
    };
    Error::unavailable(ID, format!("{}: {detail}", request.endpoint)).never_reached()
}

/// Says which call of which node failed; what a far end answered is left as it is, unless that is that time ran out.
fn located(error: Error, request: &Request, address: &str, attempt: u32) -> Error {
    if error.is_downstream() && !error.is_late() {
        return error;
    }
    let Request {
        service, endpoint, ..
    } = request;
    error.within(format_args!(
        "{endpoint} of {service} at {address}, attempt {attempt}"
    ))
}
