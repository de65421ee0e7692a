//! What answers an endpoint: a function of the user's, its types erased.
//!
//! Made by [`unary`] and its three streaming kin (or by a macro that names the formats), called by `rpc`.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::stream::{Emitter, generate};
use crate::codec::{Format, Message, Outline, Rpc, Streaming};
use crate::context::Context;
use crate::error::{Error, Outcome, Result};
use crate::message::{Bare, Body, ContentType, Request, Response};

type Answer = BoxFuture<'static, Result<Response>>;
type Serve = Arc<dyn Fn(Context, Request) -> Result<Answer> + Send + Sync>;

/// The handler of one endpoint, and what callers are told of it. Cheap to clone.
#[derive(Clone)]
pub struct Handler {
    serve: Serve,
    pub(super) facts: Facts,
}

/// What is known of an endpoint without calling it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    pub(crate) streams: bool,
    pub(crate) idempotent: bool,
    pub(crate) blocking: bool,
    pub(crate) timeout: Option<Duration>,
    pub(crate) description: &'static str,
    pub(crate) content_types: Vec<ContentType>,
    pub(crate) request: Option<Outline>,
    pub(crate) response: Option<Outline>,
    rpc: Rpc,
}

/// On which sides there are many messages: of requests, of replies.
type Sides = (bool, bool);

impl Handler {
    fn new<Q, R>(requests: Format<Q>, replies: Format<R>, streams: Sides, serve: Serve) -> Self {
        // What both can be written as; the client's choice among these is then always answered.
        let content_types = requests
            .content_types()
            .filter(|own| replies.content_types().any(|other| other == *own))
            .collect();
        let facts = Facts {
            streams: streams.0 || streams.1,
            content_types,
            request: requests.outline(),
            response: replies.outline(),
            rpc: Rpc::new(&requests, &replies).streams(streams.0, streams.1),
            ..Facts::default()
        };
        Self { serve, facts }
    }

    /// Says that running it twice does what running it once does, so that callers may retry it.
    pub fn idempotent(mut self) -> Self {
        self.facts.idempotent = true;
        self
    }

    /// Bounds each run; callers that say nothing themselves wait as long.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.facts.timeout = Some(timeout);
        self
    }

    /// Says that it blocks its thread: it runs on tokio's blocking pool.
    pub fn blocking(mut self) -> Self {
        self.facts.blocking = true;
        self
    }

    /// What it does, for the registry and documents made of it.
    pub fn description(mut self, text: &'static str) -> Self {
        self.facts.description = text;
        self
    }

    /// What a proto file says of it.
    pub(super) fn rpc(&self) -> Rpc {
        let rpc = self.facts.rpc.docs(self.facts.description);
        match self.facts.idempotent {
            true => rpc.idempotent(),
            false => rpc,
        }
    }

    /// Decodes the request and starts the user's function.
    ///
    /// # Errors
    ///
    /// What is wrong with the request; the function has not been called then.
    pub(super) fn serve(&self, context: Context, request: Request) -> Result<Answer> {
        let answer = (self.serve)(context, request)?;
        if self.facts.blocking {
            return Ok(on_the_blocking_pool(answer));
        }
        Ok(answer)
    }
}

impl Handler {
    /// This, asking `enter` before each run, before the request is decoded.
    pub(crate) fn gated(self, enter: impl Enter) -> Self {
        let serve = Arc::clone(&self.serve);
        let gated = move |context: Context, request: Request| {
            let (entered, serve) = (enter(), Arc::clone(&serve));
            Ok(async move {
                let leave = entered.await?;
                let answer = async { serve(context, request)?.await }.await;
                leave(answer.as_ref().err());
                answer
            }
            .boxed())
        };
        Self {
            serve: Arc::new(gated),
            facts: self.facts,
        }
    }
}

impl Handler {
    /// This, but for callers that know no headers of go-micro, whom `other` answers.
    pub(super) fn or_for_bare(self, other: Self) -> Self {
        let (serve, bare) = (self.serve, other.serve);
        let serve: Serve =
            Arc::new(
                move |context, request| match request.extensions.get::<Bare>() {
                    Some(Bare) => bare(context, request),
                    None => serve(context, request),
                },
            );
        Self {
            serve,
            facts: self.facts,
        }
    }
}

/// What lets a run begin, or refuses it.
pub(crate) trait Enter:
    Fn() -> BoxFuture<'static, Result<Leave>> + Send + Sync + 'static
{
}

impl<F: Fn() -> BoxFuture<'static, Result<Leave>> + Send + Sync + 'static> Enter for F {}

/// What is told how a run ended: the error, or none. Dropped untold, the run was cut short.
pub(crate) type Leave = Box<dyn FnOnce(Option<&Error>) + Send>;

impl fmt::Debug for Handler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.facts.fmt(f)
    }
}

/// Runs `answer` where blocking harms nobody. Dropping the future abandons it at its next await.
fn on_the_blocking_pool(answer: Answer) -> Answer {
    async move {
        let runtime = tokio::runtime::Handle::current();
        let context = Context::current().unwrap_or_default();
        let (alive, gone) = tokio::sync::oneshot::channel::<()>();
        let work = tokio::task::spawn_blocking(move || {
            runtime.block_on(async move {
                tokio::select! {
                    answer = context.scope(answer) => answer,
                    _ = gone => Err(Error::cancelled("", "the caller went away")),
                }
            })
        });
        let answer = work.await;
        drop(alive);
        answer.unwrap_or_else(|failed| match failed.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(stopped) => {
                Err(Error::unavailable("", "the runtime is stopping").with_source(stopped))
            }
        })
    }
    .boxed()
}

fn encode<T>(format: &Format<T>, value: &T, content_type: ContentType) -> Result<Response> {
    let bytes = format.encoded(value, &content_type)?;
    Ok(Response::new(content_type, Body::Bytes(bytes)))
}

/// How the reply is to be written: as asked for, else as the request.
fn reply_type<R>(request: &Request, replies: &Format<R>) -> ContentType {
    let wanted = request
        .accept
        .as_ref()
        .filter(|wanted| replies.content_types().any(|own| own == **wanted));
    wanted.unwrap_or(&request.content_type).clone()
}

/// A handler of one request and one reply.
///
/// ```
/// use micro::prelude::*;
///
/// let double = unary(async |_ctx: Context, number: Plain<i64>| Ok::<_, micro::Error>(Plain(number.0 * 2)));
/// # let _ = double;
/// ```
pub fn unary<Q, R, E, F, Fut>(handler: F) -> Handler
where
    Q: Message,
    R: Message,
    E: Into<Error>,
    F: Fn(Context, Q) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<R, E>> + Send + 'static,
{
    unary_as(Q::format(), R::format(), handler)
}

/// [`unary`] with the formats named.
pub fn unary_as<Q, R, F, Fut>(requests: Format<Q>, replies: Format<R>, handler: F) -> Handler
where
    Q: Send + 'static,
    R: Send + 'static,
    F: Fn(Context, Q) -> Fut + Send + Sync + 'static,
    Fut: Future<Output: Outcome<Value = R>> + Send + 'static,
{
    let serve = move |context: Context, request: Request| {
        let content_type = reply_type(&request, &replies);
        let message = requests.decode(&request.content_type, &request.body.into_bytes()?)?;
        let answer = handler(context, message);
        let answer = async move {
            let answer = answer.await.into_result().map_err(Into::into)?;
            encode(&replies, &answer, content_type)
        };
        Ok(answer.boxed())
    };
    Handler::new(requests, replies, (false, false), Arc::new(serve))
}

/// A handler of many requests and one reply, which may come before the last request.
pub fn client_streaming<Q, R, E, F, Fut>(handler: F) -> Handler
where
    Q: Message,
    R: Message,
    E: Into<Error>,
    F: Fn(Context, Streaming<Q>) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<R, E>> + Send + 'static,
{
    client_streaming_as(Q::format(), R::format(), handler)
}

/// [`client_streaming`] with the formats named.
pub fn client_streaming_as<Q, R, F, Fut>(
    requests: Format<Q>,
    replies: Format<R>,
    handler: F,
) -> Handler
where
    Q: Send + 'static,
    R: Send + 'static,
    F: Fn(Context, Streaming<Q>) -> Fut + Send + Sync + 'static,
    Fut: Future<Output: Outcome<Value = R>> + Send + 'static,
{
    let serve = move |context: Context, request: Request| {
        let content_type = reply_type(&request, &replies);
        let messages = Streaming::new(request.body, request.content_type, requests);
        let answer = handler(context, messages);
        let answer = async move {
            let answer = answer.await.into_result().map_err(Into::into)?;
            encode(&replies, &answer, content_type)
        };
        Ok(answer.boxed())
    };
    Handler::new(requests, replies, (true, false), Arc::new(serve))
}

/// A handler of one request and many replies.
///
/// ```
/// use micro::prelude::*;
///
/// let count = server_streaming(async |_ctx: Context, to: Plain<u32>| {
///     Ok::<_, micro::Error>(stream::iter((0..to.0).map(|number| Ok::<_, micro::Error>(Plain(number)))))
/// });
/// # let _ = count;
/// ```
pub fn server_streaming<Q, R, S, E, F, Fut>(handler: F) -> Handler
where
    Q: Message,
    R: Message,
    E: Into<Error>,
    S: futures_util::Stream<Item = Result<R, E>> + Send + 'static,
    F: Fn(Context, Q) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<S, E>> + Send + 'static,
{
    server_streaming_as(
        Q::format(),
        R::format(),
        move |context, request, replies: Emitter<R>| {
            let opened = handler(context, request);
            async move {
                let opened = opened.await;
                replies.drive(opened).await
            }
        },
    )
}

/// [`server_streaming`] with the formats named, for a function that emits its replies.
pub fn server_streaming_as<Q, R, F, Fut>(
    requests: Format<Q>,
    replies: Format<R>,
    handler: F,
) -> Handler
where
    Q: Send + 'static,
    R: Send + 'static,
    F: Fn(Context, Q, Emitter<R>) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<()>> + Send + 'static,
{
    let handler = Arc::new(handler);
    let serve = move |context: Context, request: Request| {
        let content_type = reply_type(&request, &replies);
        let handler = Arc::clone(&handler);
        Ok(async move {
            let message =
                requests.decode(&request.content_type, &request.body.into_first().await?)?;
            let (emitter, slot) = Emitter::new();
            generate(
                handler(context, message, emitter).boxed(),
                slot,
                replies,
                content_type,
            )
            .await
        }
        .boxed())
    };
    Handler::new(requests, replies, (false, true), Arc::new(serve))
}

/// A handler of many requests and many replies, each side at its own pace.
pub fn bidirectional<Q, R, S, E, F, Fut>(handler: F) -> Handler
where
    Q: Message,
    R: Message,
    E: Into<Error>,
    S: futures_util::Stream<Item = Result<R, E>> + Send + 'static,
    F: Fn(Context, Streaming<Q>) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<S, E>> + Send + 'static,
{
    bidirectional_as(
        Q::format(),
        R::format(),
        move |context, messages, replies: Emitter<R>| {
            let opened = handler(context, messages);
            async move {
                let opened = opened.await;
                replies.drive(opened).await
            }
        },
    )
}

/// [`bidirectional`] with the formats named, for a function that emits its replies.
pub fn bidirectional_as<Q, R, F, Fut>(
    requests: Format<Q>,
    replies: Format<R>,
    handler: F,
) -> Handler
where
    Q: Send + 'static,
    R: Send + 'static,
    F: Fn(Context, Streaming<Q>, Emitter<R>) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<()>> + Send + 'static,
{
    let serve = move |context: Context, request: Request| {
        let content_type = reply_type(&request, &replies);
        let messages = Streaming::new(request.body, request.content_type, requests);
        let (emitter, slot) = Emitter::new();
        Ok(generate(
            handler(context, messages, emitter).boxed(),
            slot,
            replies,
            content_type,
        )
        .boxed())
    };
    Handler::new(requests, replies, (true, true), Arc::new(serve))
}
