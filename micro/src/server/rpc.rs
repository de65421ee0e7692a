//! The server end of a call: from a request off a transport to the user's handler and back.
//!
//! Transports call it through [`Accept`]; the router names the handler, wrappers stand between.

use std::borrow::Cow;
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use futures_util::{FutureExt, Stream, StreamExt};
use tokio_util::sync::WaitForCancellationFutureOwned;
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::debug::Stats;
use super::handler::{Facts, Handler};
use super::pages::Pages;
use super::router::{Found, Router};
use crate::context::{Context, Scope};
use crate::error::{Error, Result};
use crate::message::{Body, Request, Response};
use crate::metadata::ATTEMPT;
use crate::telemetry::Observation;
use crate::trace::Traced;
use crate::transport::{Accept, Page};
use crate::wrapper::{Next, Stack};

/// The handlers of one server with all that stands round them. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Rpc(Arc<Inner>);

struct Inner {
    core: Arc<Core>,
    /// `None` if nothing is wrapped round the handlers.
    wrapped: Option<Next>,
}

/// What a call needs behind the wrappers.
struct Core {
    router: Router,
    scope: Scope,
    stats: Arc<Stats>,
    draining: AtomicBool,
    pages: Pages,
}

impl Rpc {
    pub(crate) fn new(
        router: Router,
        scope: Scope,
        stats: Arc<Stats>,
        wrappers: &Stack,
        pages: Pages,
    ) -> Self {
        let core = Arc::new(Core {
            router,
            scope,
            stats,
            draining: AtomicBool::new(false),
            pages,
        });
        let end = Arc::clone(&core);
        let wrapped = wrappers.round(move |request| Arc::clone(&end).dispatch(request).boxed());
        Self(Arc::new(Inner { core, wrapped }))
    }

    /// From now on calls are refused as never reached; those in flight go on.
    pub(crate) fn refuse(&self) {
        self.0.core.draining.store(true, Ordering::SeqCst);
    }

    async fn answer(self, mut request: Request) -> Result<Response> {
        let core = &self.0.core;
        // Before the look: a server that is told to drain just then waits for this call.
        let tracked = core.scope.tasks.token();
        if core.draining.load(Ordering::SeqCst) {
            return Err(Error::unavailable(
                "micro.server",
                "the server is stopping: call another node",
            )
            .never_reached());
        }
        let counted = core.stats.count();
        let observation = core.observe(&request);
        if let Some(traced) = observation.as_ref().and_then(Observation::traced) {
            request.extensions.insert(traced);
        }
        let answer = match &self.0.wrapped {
            None => Arc::clone(core).dispatch(request).await,
            Some(first) => through(first, request, core.scope.clone()).await,
        };
        let answer = match observation {
            None => answer,
            Some(observation) => observation.settle(answer),
        };
        match answer {
            Ok(mut response) => {
                if let Body::Stream(stream) = response.body {
                    response.body = Body::Stream(
                        Tracked {
                            stream,
                            _tracked: tracked,
                        }
                        .boxed(),
                    );
                }
                Ok(response)
            }
            Err(error) => {
                counted.failed();
                Err(error)
            }
        }
    }
}

/// Sends `request` through the wrappers, under the context that they and their own calls see.
async fn through(first: &Next, mut request: Request, scope: Scope) -> Result<Response> {
    let context = Context::new(
        request.metadata.clone(),
        request.deadline,
        request.peer.clone(),
        1,
        scope,
        request.extensions.get::<Arc<Traced>>().cloned(),
    );
    request.context = context.clone();
    let (service, endpoint) = (request.service.clone(), request.endpoint.clone());
    let run = AssertUnwindSafe(context.scope(first.take(request)))
        .catch_unwind()
        .await;
    run.unwrap_or_else(|panic| Err(panicked(&service, &endpoint, &*panic)))
}

impl std::fmt::Debug for Rpc {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rpc")
            .field("router", &self.0.core.router)
            .finish_non_exhaustive()
    }
}

impl Accept for Rpc {
    fn streams(&self, head: &Request) -> bool {
        let found = self.0.core.router.find(&head.service, &head.endpoint);
        found.is_ok_and(|found| found.handler.facts.streams)
    }

    fn call(&self, request: Request) -> BoxFuture<'static, Result<Response>> {
        self.clone().answer(request).boxed()
    }

    fn locate(&self, package: &str, endpoint: &str) -> Option<Cow<'static, str>> {
        self.0.core.router.locate(package, endpoint).cloned()
    }

    fn page(&self, path: &str) -> Option<BoxFuture<'static, Page>> {
        self.0.core.pages.find(path)
    }
}

impl Core {
    /// A look at the call that comes, if anybody looks.
    fn observe<'a>(&'a self, request: &'a Request) -> Option<Observation> {
        Observation::of_serving(self.pages.metrics.as_ref(), request, || {
            let found = self.router.find(&request.service, &request.endpoint);
            found
                .ok()
                .map(|found| (&**found.service, &**found.endpoint))
        })
    }

    async fn dispatch(self: Arc<Self>, request: Request) -> Result<Response> {
        let found = self.router.find(&request.service, &request.endpoint)?;
        let (service, endpoint) = (found.service, found.endpoint);
        let answer = self.run(found, request).await;
        answer.map_err(|error| seen_outside(error, service, endpoint))
    }

    async fn run(&self, found: Found<'_>, mut request: Request) -> Result<Response> {
        let Found {
            service,
            endpoint,
            handler,
        } = found;
        let facts = &handler.facts;
        if !facts.content_types.contains(&request.content_type) {
            return Err(unsupported(&request, service, handler));
        }
        let (deadline, allowed) = deadline(request.deadline, service, endpoint, facts)?.unzip();
        let mut metadata = std::mem::take(&mut request.metadata);
        let attempt = metadata.get(ATTEMPT).and_then(|number| number.parse().ok());
        metadata.remove(ATTEMPT);
        let context = Context::new(
            metadata,
            deadline,
            request.peer.clone(),
            attempt.unwrap_or(1),
            self.scope.clone(),
            request.extensions.remove::<Arc<Traced>>(),
        );
        let guard = Finish(context.clone());
        let own = context.clone();
        // The user's function runs up to its first await where it is called: inside, for panics and the context.
        let answer = pin!(async move { handler.serve(own, request)?.await });
        let answer = AssertUnwindSafe(context.scope(answer)).catch_unwind();
        let bounded = async {
            match deadline {
                Some(deadline) if !facts.streams => {
                    tokio::time::timeout_at(deadline.into(), answer).await
                }
                _ => Ok(answer.await),
            }
        };
        // What a stopping server no longer waits for.
        let Some(bounded) = self.scope.stop.run_until_cancelled(bounded).await else {
            return Err(stopped(service, "the handler was done"));
        };
        let mut response = match bounded {
            Ok(Ok(answer)) => answer?,
            Ok(Err(panic)) => return Err(panicked(service, endpoint, &*panic)),
            Err(_) => return Err(expired(service, endpoint, facts.idempotent, allowed)),
        };
        if let Body::Stream(stream) = response.body {
            let stream = context.scope_stream(stream);
            response.body = Body::Stream(
                Guarded {
                    stream: Some(stream),
                    guard,
                    stop: Box::pin(self.scope.stop.clone().cancelled_owned()),
                    service: service.clone(),
                    endpoint: endpoint.clone(),
                }
                .boxed(),
            );
        }
        Ok(response)
    }
}

/// When the handler must be done, and how long that is.
///
/// # Errors
///
/// `timeout`, marked as never reached, if that is over.
fn deadline(
    theirs: Option<Instant>,
    service: &str,
    endpoint: &str,
    facts: &Facts,
) -> Result<Option<(Instant, Duration)>> {
    if theirs.is_none() && facts.timeout.is_none() {
        return Ok(None);
    }
    // By tokio's clock, which is the one that deadlines are waited for by.
    let now = tokio::time::Instant::now().into_std();
    let own = facts.timeout.and_then(|timeout| now.checked_add(timeout));
    let deadline = own.into_iter().chain(theirs).min();
    if deadline.is_some_and(|deadline| deadline <= now) {
        let detail = format!("the time for {endpoint} was over before it could run");
        let late = Error::timeout(service.to_owned(), detail).late();
        return Err(late.never_reached());
    }
    Ok(deadline.map(|deadline| (deadline, deadline - now)))
}

/// Tells tasks that the handler spawned that its caller has its answer, or is gone.
pub(super) struct Finish(pub(super) Context);

impl Drop for Finish {
    fn drop(&mut self) {
        self.0.finish();
    }
}

/// A reply's stream whose panics are errors, whose errors are the service's own, and whose end is the call's.
struct Guarded {
    /// `None` once it has ended.
    stream: Option<BoxStream<'static, Result<Bytes>>>,
    guard: Finish,
    /// What a stopping server no longer waits for.
    stop: Pin<Box<WaitForCancellationFutureOwned>>,
    service: Cow<'static, str>,
    endpoint: Cow<'static, str>,
}

impl Stream for Guarded {
    type Item = Result<Bytes>;

    fn poll_next(
        mut self: Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> Poll<Option<Result<Bytes>>> {
        let this = &mut *self;
        let Some(stream) = &mut this.stream else {
            return Poll::Ready(None);
        };
        let next = if this.stop.as_mut().poll(cx).is_ready() {
            Some(Err(stopped(&this.service, "its stream had ended")))
        } else {
            let polled = AssertUnwindSafe(|| stream.as_mut().poll_next(cx));
            match std::panic::catch_unwind(polled) {
                Ok(polled) => ready!(polled).map(|item| {
                    item.map_err(|error| seen_outside(error, &this.service, &this.endpoint))
                }),
                Err(panic) => Some(Err(panicked(&this.service, &this.endpoint, &*panic))),
            }
        };
        if !matches!(next, Some(Ok(_))) {
            this.stream = None;
            this.guard.0.finish();
        }
        Poll::Ready(next)
    }
}

/// A reply's stream that a stopping server waits for.
struct Tracked {
    stream: BoxStream<'static, Result<Bytes>>,
    _tracked: TaskTrackerToken,
}

impl Stream for Tracked {
    type Item = Result<Bytes>;

    fn poll_next(
        mut self: Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> Poll<Option<Result<Bytes>>> {
        self.stream.poll_next_unpin(cx)
    }
}

fn stopped(service: &str, before: &str) -> Error {
    let detail = format!("the server stopped before {before}");
    Error::unavailable(service.to_owned(), detail)
}

fn unsupported(request: &Request, service: &str, handler: &Handler) -> Error {
    let known: Vec<&str> = handler
        .facts
        .content_types
        .iter()
        .map(|own| own.as_str())
        .collect();
    let detail = format!(
        "{} does not take {:?}: send one of {}",
        request.endpoint,
        request.content_type.as_str(),
        known.join(", ")
    );
    Error::unsupported(service.to_owned(), detail).never_reached()
}

/// An expired call: go-micro v6 repeats a 408, so only what may run twice says that.
fn expired(service: &str, endpoint: &str, idempotent: bool, allowed: Option<Duration>) -> Error {
    let allowed = allowed.unwrap_or_default().as_millis();
    let detail = format!("{endpoint} was not done within the {allowed}ms that it had");
    let code = if idempotent { 408 } else { 504 };
    Error::new(code, service.to_owned(), detail).late()
}

fn panicked(service: &str, endpoint: &str, panic: &(dyn std::any::Any + Send)) -> Error {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message");
    tracing::error!(service, endpoint, panic = text, "handler panicked");
    // The text may hold what callers must not see; it is in the log.
    Error::internal(
        service.to_owned(),
        format!("the handler of {endpoint} panicked"),
    )
}

/// What the caller sees: another service's error, unless it was mapped or forwarded, is a fault of this one; only where
/// time ran out is handed on.
fn seen_outside(error: Error, service: &str, endpoint: &str) -> Error {
    if error.is_own() {
        return error.by(service).reached();
    }
    tracing::warn!(service, endpoint, %error, "a call made by the handler failed");
    if error.is_late() {
        let detail = format!("a call made by {endpoint} was late: {}", error.detail());
        let own = Error::deadline_exceeded(service.to_owned(), detail).late();
        return own.with_source(error);
    }
    Error::internal(
        service.to_owned(),
        format!("a call made by {endpoint} failed"),
    )
    .with_source(error)
}
