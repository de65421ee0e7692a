//! A call as a value: what it asks for, and of whom, until it is awaited.

use std::borrow::Cow;
use std::fmt;
use std::future::IntoFuture;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, Stream};
use tokio::time::timeout;

use super::payload::{Many, One, Payload};
use super::window::Window;
use super::{Client, fit};
use crate::codec::{Format, Streaming};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::message::{Body, ContentType, Request, Response};
use crate::metadata::{Metadata, SECRETS};
use crate::selector::Filter;

/// What a compiled contract says of a method.
#[derive(Clone, Debug)]
pub struct Method {
    pub(super) endpoint: Cow<'static, str>,
    pub(super) idempotent: Option<bool>,
    pub(super) timeout: Option<Duration>,
}

impl Method {
    /// A method that must not run twice, called `endpoint`, such as `Greeter.Hello`.
    pub const fn new(endpoint: &'static str) -> Self {
        Self {
            endpoint: Cow::Borrowed(endpoint),
            idempotent: Some(false),
            timeout: None,
        }
    }

    /// Says that running it twice does what running it once does.
    pub const fn idempotent(mut self) -> Self {
        self.idempotent = Some(true);
        self
    }

    /// How long callers that say nothing themselves wait.
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// A method of which nothing is compiled in: what its node announced holds.
    pub(super) fn named(endpoint: impl Into<Cow<'static, str>>) -> Self {
        Self {
            endpoint: endpoint.into(),
            idempotent: None,
            timeout: None,
        }
    }
}

/// A call that is made when it is awaited.
///
/// Awaiting it gives the reply, or for a method that streams its replies, a [`Streaming`] of them. Dropping the
/// future, or the stream, cancels the call at the far end.
///
/// # Errors
///
/// What the far end answered, marked as [downstream](crate::Error::is_downstream); `not_found` for a name that
/// nobody announced, `unavailable` if no node could be reached, `timeout` once the time allowed is over.
#[must_use = "a call does nothing until it is awaited"]
pub struct Call<T> {
    client: Client,
    service: Cow<'static, str>,
    metadata: Metadata,
    timeout: Option<Duration>,
    detached: bool,
    plan: Plan,
    read: Box<dyn FnOnce(Response) -> Result<T> + Send>,
}

/// What the attempt loop needs beside the request.
pub(super) struct Plan {
    pub(super) method: Method,
    pub(super) streams: bool,
    /// There is one reply, though requests stream.
    replies_once: bool,
    pub(super) payload: Box<dyn Payload>,
    pub(super) filters: Vec<Filter>,
    pub(super) shard_key: Option<String>,
    pub(super) address: Option<String>,
    /// After how long a second node is asked, too, if not as the client has it.
    pub(super) hedge: Option<Duration>,
    /// When an answer, or the opening of a stream, must be there.
    pub(super) opened_by: Option<Instant>,
    /// The encoded request as it was before any wrapper saw it.
    original: Option<Bytes>,
}

impl Plan {
    /// The payload written as `content_type`.
    pub(super) fn encode(&mut self, content_type: &ContentType) -> Result<Body> {
        let body = self.payload.encode(content_type)?;
        if let Body::Bytes(bytes) = &body {
            self.original = Some(bytes.clone());
        }
        Ok(body)
    }

    /// True if no wrapper can have put another body in the place of the payload's.
    pub(super) fn is_original(&self, body: &Body) -> bool {
        match (body, &self.original) {
            (Body::Bytes(body), Some(original)) => {
                body.as_ptr() == original.as_ptr() && body.len() == original.len()
            }
            (Body::Stream(_), _) => self.payload.is_whole(),
            (Body::Bytes(_), None) => false,
        }
    }
}

/// How requests and replies are written and read.
type Formats<Q, R> = (Format<Q>, Format<R>);

impl<T> Call<T> {
    /// Bounds the whole call, all attempts and waits included. A deadline that is inherited still holds.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Sends `value` as `name`, in place of one that would be inherited.
    pub fn metadata(mut self, name: impl AsRef<str>, value: impl AsRef<str>) -> Self {
        self.metadata.set(name.as_ref(), value.as_ref());
        self
    }

    /// Calls only nodes that `filter` lets pass; several filters must all let pass.
    pub fn filter(mut self, filter: impl Into<Filter>) -> Self {
        self.plan.filters.push(filter.into());
        self
    }

    /// Calls the node that `key` belongs to, such as `user-42`, whatever the selector; the next one while that is away.
    ///
    /// All clients call the same node for the same key. A node that comes or goes moves only its own share of the keys.
    pub fn shard_key(mut self, key: impl Into<String>) -> Self {
        self.plan.shard_key = Some(key.into());
        self
    }

    /// Calls the node at this address, `host:port`, whatever the registry says.
    pub fn address(mut self, address: impl Into<String>) -> Self {
        self.plan.address = Some(address.into());
        self
    }

    /// Asks a second node, too, if there is no answer after `delay`, and takes the first; zero is never.
    ///
    /// It has an effect on [idempotent](macro@crate::handler) methods only, within the client's retry budget, if another
    /// node is there; no stream is hedged. See [hedging](crate::resilience#hedging).
    pub fn hedge(mut self, delay: Duration) -> Self {
        self.plan.hedge = Some(delay);
        self
    }

    /// Calls the service of this name in place of the client's.
    pub fn service(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.service = name.into();
        self
    }

    /// Inherits nothing from the call that is being served: neither deadline nor metadata.
    pub fn detached(mut self) -> Self {
        self.detached = true;
        self
    }

    fn new(
        client: &Client,
        service: Cow<'static, str>,
        method: Method,
        streams: bool,
        payload: Box<dyn Payload>,
        read: Box<dyn FnOnce(Response) -> Result<T> + Send>,
    ) -> Self {
        let plan = Plan {
            method,
            streams,
            replies_once: false,
            payload,
            filters: Vec::new(),
            shard_key: None,
            address: None,
            hedge: None,
            opened_by: None,
            original: None,
        };
        let (metadata, timeout) = (Metadata::new(), None);
        Self {
            client: client.clone(),
            service,
            metadata,
            timeout,
            detached: false,
            plan,
            read,
        }
    }

    /// What is sent, and when its answer must be there.
    fn request(&mut self) -> Result<Request> {
        let inherited = if self.detached {
            None
        } else {
            Context::current()
        };
        let mut request = Request::new(
            std::mem::take(&mut self.service),
            self.plan.method.endpoint.clone(),
        );
        let allowed = self
            .timeout
            .or(self.plan.method.timeout)
            .unwrap_or(self.client.options().request_timeout);
        // By tokio's clock, which is the one that deadlines are waited for by.
        let now = tokio::time::Instant::now().into_std();
        let own = now.checked_add(allowed);
        let theirs = inherited.as_ref().and_then(Context::deadline);
        self.plan.opened_by = own.into_iter().chain(theirs).min();
        // A stream is opened within the time allowed, and then lives as long as the call it serves.
        request.deadline = if self.plan.streams {
            theirs
        } else {
            self.plan.opened_by
        };
        request.metadata = match &inherited {
            Some(context) => self.inherit(context),
            None => std::mem::take(&mut self.metadata),
        };
        request.context = inherited.unwrap_or_default();
        fit::prefer(
            &mut request,
            &self.plan,
            &self.client.options().content_type,
        );
        request.body = self.plan.encode(&request.content_type)?;
        Ok(request)
    }

    /// What is handed on from the call being served, and what was set for this one.
    fn inherit(&self, served: &Context) -> Metadata {
        let kept = &self.client.options().inherit;
        let is_secret = |name: &str| SECRETS.iter().any(|own| own.eq_ignore_ascii_case(name));
        let is_kept = |name: &str| kept.iter().any(|own| own.eq_ignore_ascii_case(name));
        served.hand_on(&self.metadata, |name| !is_secret(name) || is_kept(name))
    }
}

impl<R: 'static> Call<R> {
    pub(crate) fn unary<Q: Send + 'static>(
        client: &Client,
        service: Cow<'static, str>,
        method: Method,
        (requests, replies): Formats<Q, R>,
        request: Q,
    ) -> Self {
        let payload = Box::new(One {
            message: request,
            format: requests,
        });
        Self::new(
            client,
            service,
            method,
            false,
            payload,
            Box::new(move |response| one(response, replies)),
        )
    }

    pub(crate) fn client_streaming<Q: Send + 'static>(
        client: &Client,
        service: Cow<'static, str>,
        method: Method,
        (requests, replies): Formats<Q, R>,
        messages: impl Stream<Item = Q> + Send + 'static,
    ) -> Self {
        let payload = Box::new(Many::new(messages, requests));
        let mut call = Self::new(
            client,
            service,
            method,
            true,
            payload,
            Box::new(move |response| one(response, replies)),
        );
        call.plan.replies_once = true;
        call
    }
}

impl<R: 'static> Call<Streaming<R>> {
    pub(crate) fn server_streaming<Q: Send + 'static>(
        client: &Client,
        service: Cow<'static, str>,
        method: Method,
        (requests, replies): Formats<Q, R>,
        request: Q,
    ) -> Self {
        let payload = Box::new(One {
            message: request,
            format: requests,
        });
        Self::new(
            client,
            service,
            method,
            true,
            payload,
            Box::new(move |response| Ok(many(response, replies))),
        )
    }

    pub(crate) fn bidirectional<Q: Send + 'static>(
        client: &Client,
        service: Cow<'static, str>,
        method: Method,
        (requests, replies): Formats<Q, R>,
        messages: impl Stream<Item = Q> + Send + 'static,
    ) -> Self {
        let payload = Box::new(Many::new(messages, requests));
        Self::new(
            client,
            service,
            method,
            true,
            payload,
            Box::new(move |response| Ok(many(response, replies))),
        )
    }
}

fn one<R>(response: Response, format: Format<R>) -> Result<R> {
    format.decode(&response.content_type, &response.body.into_bytes()?)
}

fn many<R>(response: Response, format: Format<R>) -> Streaming<R> {
    let messages = Streaming::new(response.body, response.content_type, format);
    messages.with_errors(Error::downstream)
}

impl<T: Send + 'static> IntoFuture for Call<T> {
    type Output = Result<T>;
    type IntoFuture = BoxFuture<'static, Result<T>>;

    fn into_future(mut self) -> Self::IntoFuture {
        async move {
            let request = self.request().map_err(Error::downstream)?;
            let Self {
                client, plan, read, ..
            } = self;
            // Of an opening that is taken for granted the reply is what says that it was.
            let awaited = plan.replies_once.then(|| Window::new(plan.opened_by));
            let mut reply = client
                .send(request, plan)
                .await
                .map_err(Error::downstream)?;
            if let Some(window) = awaited {
                let only = timeout(window.left(), reply.body.into_only()).await;
                let only = only.unwrap_or_else(|_| Err(window.expired("no reply came")));
                reply.body = only.map_err(Error::downstream)?;
            }
            read(reply).map_err(Error::downstream)
        }
        .boxed()
    }
}

impl<T> fmt::Debug for Call<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("service", &self.service)
            .field("method", &self.plan.method)
            .field("metadata", &self.metadata)
            .finish_non_exhaustive()
    }
}
