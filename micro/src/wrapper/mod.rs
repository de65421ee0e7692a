//! What stands round a call or a message: tower layers over [`Request`] → [`Response`], at either end.
//!
//! The client and server ends build a stack once and send everything through it; a call whose stack is
//! empty pays nothing. A message is a request whose endpoint is the topic, and whose response is empty.

mod breaker;
mod concurrency;
mod guarded;
mod rate_limit;

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::task::Poll;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tower_layer::Layer;
use tower_service::Service;

use crate::context::Context;
use crate::error::{Error, Result};
use crate::message::{Request, Response};

pub use breaker::Breaker;
pub use concurrency::{ConcurrencyLimit, LoadShed};
pub use guarded::Guarded;
pub use rate_limit::RateLimit;

/// What tower's services fail with.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What comes after a wrapper: the next one, and in the end the call itself. Cheap to clone.
///
/// It is a [`tower::Service`](tower_service::Service) that is always ready, so any layer can stand round it.
#[derive(Clone)]
pub struct Next(Arc<dyn Step>);

impl Next {
    /// Goes on with the call.
    ///
    /// # Errors
    ///
    /// Whatever the call ends with.
    pub async fn run(self, request: Request) -> Result<Response> {
        self.0.take(request).await
    }

    /// The end of a stack: what `step` does with a request.
    fn new<F>(step: F) -> Self
    where
        F: Fn(Request) -> BoxFuture<'static, Result<Response>> + Send + Sync + 'static,
    {
        Self(Arc::new(End(step)))
    }

    pub(crate) fn take(&self, request: Request) -> BoxFuture<'static, Result<Response>> {
        self.0.take(request)
    }
}

/// Something that can stand round calls and messages: a layer of tower, or an async function made into one by [`from_fn`].
///
/// It is implemented for every [`Layer`] whose service takes [`Request`]s, answers [`Response`]s, and can be cloned.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no layer over `Request` and `Response`",
    note = "give a layer of tower, or an async function made into one by `micro::wrapper::from_fn`"
)]
pub trait Wrapper: Send + Sync + 'static {
    /// `next` with this round it.
    fn wrap(&self, next: Next) -> Next;
}

impl<L> Wrapper for L
where
    L: Layer<Next> + Send + Sync + 'static,
    L::Service: Service<Request, Response = Response, Error: Into<BoxError>, Future: Send>
        + Clone
        + Send
        + Sync
        + 'static,
{
    fn wrap(&self, next: Next) -> Next {
        Next(Arc::new(Wrapped(self.layer(next))))
    }
}

impl Service<Request> for Next {
    type Response = Response;
    type Error = Error;
    type Future = BoxFuture<'static, Result<Response>>;

    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> Poll<Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        self.0.take(request)
    }
}

impl fmt::Debug for Next {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Next")
    }
}

trait Step: Send + Sync {
    fn take(&self, request: Request) -> BoxFuture<'static, Result<Response>>;
}

struct End<F>(F);

impl<F: Fn(Request) -> BoxFuture<'static, Result<Response>> + Send + Sync> Step for End<F> {
    fn take(&self, request: Request) -> BoxFuture<'static, Result<Response>> {
        (self.0)(request)
    }
}

struct Wrapped<S>(S);

impl<S> Step for Wrapped<S>
where
    S: Service<Request, Response = Response, Error: Into<BoxError>, Future: Send>
        + Clone
        + Send
        + Sync
        + 'static,
{
    fn take(&self, request: Request) -> BoxFuture<'static, Result<Response>> {
        let mut service = self.0.clone();
        async move {
            std::future::poll_fn(|cx| service.poll_ready(cx))
                .await
                .map_err(|error| refused(error.into()))?;
            service
                .call(request)
                .await
                .map_err(|error| failed(error.into()))
        }
        .boxed()
    }
}

/// The error of a layer that never let the call through: whatever it says, no handler was reached.
fn refused(error: BoxError) -> Error {
    failed(error).never_reached()
}

fn failed(error: BoxError) -> Error {
    let error = match error.downcast::<Error>() {
        Ok(own) => return *own,
        Err(other) => other,
    };
    if error.is::<tower::timeout::error::Elapsed>() {
        Error::timeout("micro.wrapper", "the time that a layer allows ran out").with_source(error)
    } else if error.is::<tower::load_shed::error::Overloaded>() {
        Error::too_many_requests("micro.wrapper", "a layer let no more calls through")
            .never_reached()
            .with_source(error)
    } else {
        let detail = error.to_string();
        Error::internal("micro.wrapper", detail).with_source(error)
    }
}

/// Makes a layer of an async function that is given the context, the request and what comes next.
///
/// ```
/// use micro::prelude::*;
/// use micro::wrapper;
///
/// let log = wrapper::from_fn(async |_ctx: Context, request: Request, next: Next| {
///     let endpoint = request.endpoint.clone();
///     let reply = next.run(request).await;
///     println!("{endpoint}: {}", if reply.is_ok() { "ok" } else { "failed" });
///     reply
/// });
/// # let _ = log;
/// ```
pub fn from_fn<F, Fut>(wrapper: F) -> FromFn<F>
where
    F: Fn(Context, Request, Next) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Response>> + Send + 'static,
{
    FromFn(Arc::new(wrapper))
}

/// A layer made by [`from_fn`].
pub struct FromFn<F>(Arc<F>);

/// The service that a [`FromFn`] layer makes.
pub struct FromFnService<F> {
    wrapper: Arc<F>,
    next: Next,
}

impl<F> Layer<Next> for FromFn<F> {
    type Service = FromFnService<F>;

    fn layer(&self, next: Next) -> Self::Service {
        FromFnService {
            wrapper: Arc::clone(&self.0),
            next,
        }
    }
}

impl<F, Fut> Service<Request> for FromFnService<F>
where
    F: Fn(Context, Request, Next) -> Fut,
    Fut: Future<Output = Result<Response>>,
{
    type Response = Response;
    type Error = Error;
    type Future = Fut;

    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> Poll<Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Fut {
        (self.wrapper)(request.context.clone(), request, self.next.clone())
    }
}

impl<F> Clone for FromFn<F> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<F> Clone for FromFnService<F> {
    fn clone(&self) -> Self {
        Self {
            wrapper: Arc::clone(&self.wrapper),
            next: self.next.clone(),
        }
    }
}

impl<F> fmt::Debug for FromFn<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FromFn")
    }
}

impl<F> fmt::Debug for FromFnService<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FromFnService")
    }
}

/// The wrappers of one end, outermost first, kept until what they stand round is known.
#[derive(Clone, Default)]
pub(crate) struct Stack(Vec<Arc<dyn Wrapper>>);

impl Stack {
    /// Adds a wrapper inside those that are there.
    pub(crate) fn push(&mut self, wrapper: impl Wrapper) {
        self.0.push(Arc::new(wrapper));
    }

    /// All wrappers round `end`; `None` if there are none.
    pub(crate) fn round<F>(&self, end: F) -> Option<Next>
    where
        F: Fn(Request) -> BoxFuture<'static, Result<Response>> + Send + Sync + 'static,
    {
        let wrappers = self.0.iter().rev();
        (!self.0.is_empty())
            .then(|| wrappers.fold(Next::new(end), |next, wrapper| wrapper.wrap(next)))
    }
}

impl fmt::Debug for Stack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Stack({})", self.0.len())
    }
}
