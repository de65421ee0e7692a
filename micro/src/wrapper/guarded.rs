//! What the layers that we ship have in common.

use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::{StreamExt, stream};
use tower_service::Service;

use super::Next;
use crate::error::{Error, Result};
use crate::message::{Body, Request, Response};

/// A time without end: it can be added to any other, and so can twenty of it.
pub(super) const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);

/// What a layer of ours does with a request. Clones share what it remembers.
pub trait Guard: Clone {
    /// Lets `request` through to `next`, or refuses it.
    fn guard(&self, request: Request, next: Next) -> BoxFuture<'static, Result<Response>>;
}

/// The service that a layer of ours makes.
#[derive(Clone, Debug)]
pub struct Guarded<G> {
    guard: G,
    next: Next,
}

impl<G: Guard> Guarded<G> {
    pub(super) fn new(guard: &G, next: Next) -> Self {
        let guard = guard.clone();
        Self { guard, next }
    }
}

impl<G: Guard> Service<Request> for Guarded<G> {
    type Response = Response;
    type Error = Error;
    type Future = BoxFuture<'static, Result<Response>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        self.guard.guard(request, self.next.clone())
    }
}

/// The response, with `held` kept until its stream has ended.
pub(super) fn held<T: Send + 'static>(mut response: Response, held: T) -> Response {
    if let Body::Stream(mut messages) = response.body {
        let mut held = Some(held);
        let stream = stream::poll_fn(move |cx| {
            let next = std::task::ready!(messages.poll_next_unpin(cx));
            if !matches!(next, Some(Ok(_))) {
                drop(held.take());
            }
            Poll::Ready(next)
        });
        response.body = Body::Stream(stream.boxed());
    }
    response
}

/// Makes tower layers of guards.
macro_rules! layers {
    ($($guard:ident),*) => {$(
        impl tower_layer::Layer<$crate::wrapper::Next> for $guard {
            type Service = $crate::wrapper::guarded::Guarded<Self>;

            fn layer(&self, next: $crate::wrapper::Next) -> Self::Service {
                $crate::wrapper::guarded::Guarded::new(self, next)
            }
        }
    )*};
}
pub(super) use layers;
