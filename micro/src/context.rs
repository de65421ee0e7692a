//! What a handler knows of the call it serves, and what its own calls inherit.
//!
//! Made by the server end for each call and message; current (thread-local) while a handler or
//! its stream is polled, so that the client end finds it without an argument.

use std::cell::RefCell;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, OnceLock};
use std::task::Poll;
use std::time::{Duration, Instant};

use futures_util::Stream;
use futures_util::stream::BoxStream;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::metadata::Metadata;
use crate::peer::Peer;
use crate::trace::{self, PARENT, Trace, Traced};

/// The metadata, deadline, cancellation and peer of one call; cheap to clone.
///
/// Calls made while a handler is polled inherit its metadata (but for credentials and hop
/// headers) and its deadline, unless they say [`detached`](crate::Call::detached).
#[derive(Clone)]
pub struct Context(Arc<Inner>);

struct Inner {
    metadata: Metadata,
    deadline: Option<Instant>,
    peer: Option<Peer>,
    attempt: u32,
    scope: Scope,
    /// `None` if nobody listens to spans.
    traced: Option<Arc<Traced>>,
    finished: AtomicBool,
    token: OnceLock<CancellationToken>,
}

/// What contexts of one server share: the tasks that their handlers spawned, and the words to end.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scope {
    pub(crate) tasks: TaskTracker,
    pub(crate) stop: CancellationToken,
    /// Comes before the word to stop: what runs may end, and need not.
    pub(crate) leaving: CancellationToken,
}

thread_local! {
    static CURRENT: RefCell<Option<Context>> = const { RefCell::new(None) };
}

static BACKGROUND: LazyLock<Context> =
    LazyLock::new(|| Context::new(Metadata::new(), None, None, 1, Scope::default(), None));

impl Context {
    /// The context of a program that serves no call: no metadata, no deadline, never cancelled.
    pub fn background() -> Self {
        BACKGROUND.clone()
    }

    /// The context of the handler that is being polled, if this is called from one.
    pub fn current() -> Option<Self> {
        CURRENT.with_borrow(Clone::clone)
    }

    pub(crate) fn new(
        metadata: Metadata,
        deadline: Option<Instant>,
        peer: Option<Peer>,
        attempt: u32,
        scope: Scope,
        traced: Option<Arc<Traced>>,
    ) -> Self {
        Self(Arc::new(Inner {
            metadata,
            deadline,
            peer,
            attempt,
            scope,
            traced,
            finished: AtomicBool::new(false),
            token: OnceLock::new(),
        }))
    }

    /// What the caller added, and what was handed on to it.
    pub fn metadata(&self) -> &Metadata {
        &self.0.metadata
    }

    /// When the caller stops waiting; `None` means never.
    pub fn deadline(&self) -> Option<Instant> {
        self.0.deadline
    }

    /// The time until the deadline, zero once it has passed; `None` means without end.
    pub fn time_left(&self) -> Option<Duration> {
        Some(self.deadline()?.saturating_duration_since(Instant::now()))
    }

    /// Who calls, if the transport knows: where it is, and the names that it has proven.
    pub fn peer(&self) -> Option<&Peer> {
        self.0.peer.as_ref()
    }

    /// Which delivery of a message this is, or which attempt of a call, from 1.
    pub fn attempt(&self) -> u32 {
        self.0.attempt
    }

    /// Waits until the caller has gone away or the server gives up waiting for its handlers.
    ///
    /// A handler needs this only in tasks that it spawned: itself, it is dropped.
    pub async fn cancelled(&self) {
        self.token().cancelled().await;
    }

    /// True once the caller has gone away or the server gave up waiting.
    pub fn is_cancelled(&self) -> bool {
        self.0.finished.load(Ordering::Acquire) || self.0.scope.stop.is_cancelled()
    }

    /// Runs `work` as a task that outlives the handler and carries this context.
    ///
    /// A stopping server waits for it, up to the drain limit, and then drops it.
    pub fn spawn<F>(&self, work: F) -> JoinHandle<Option<F::Output>>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let stop = self.0.scope.stop.clone();
        let work = self.scope(Box::pin(work));
        self.0
            .scope
            .tasks
            .spawn(async move { stop.run_until_cancelled_owned(work).await })
    }

    /// The metadata of what is sent from here: what of this is handed on, where `is_open` lets it, and then its `own`.
    pub(crate) fn hand_on(&self, own: &Metadata, is_open: impl Fn(&str) -> bool) -> Metadata {
        let served = self.metadata();
        // The parts of a trace go together: not if it cannot be read, and not with another one.
        let is_traced =
            own.get(PARENT).is_none() && served.get(PARENT).and_then(Trace::read).is_some();
        let mut metadata: Metadata = served
            .iter()
            .filter(|(name, _)| is_open(name) && (is_traced || !trace::is_part(name)))
            .collect();
        metadata.extend(own.iter());
        metadata
    }

    /// How the call is seen by those who listen to spans.
    pub(crate) fn traced(&self) -> Option<&Arc<Traced>> {
        self.0.traced.as_ref()
    }

    /// Polls `future` with this context as the current one.
    pub(crate) fn scope<F: Future + Unpin>(
        &self,
        mut future: F,
    ) -> impl Future<Output = F::Output> + use<F> {
        let context = self.clone();
        std::future::poll_fn(move |cx| context.enter(|| Pin::new(&mut future).poll(cx)))
    }

    /// Polls `stream` with this context as the current one.
    pub(crate) fn scope_stream<T: Send + 'static>(
        &self,
        stream: BoxStream<'static, T>,
    ) -> BoxStream<'static, T> {
        Box::pin(ScopedStream {
            context: self.clone(),
            stream,
        })
    }

    /// Runs `work` with this context as the current one, in its span.
    pub(crate) fn enter<T>(&self, work: impl FnOnce() -> T) -> T {
        let before = CURRENT.replace(Some(self.clone()));
        let _restore = Restore(before);
        match &self.0.traced {
            None => work(),
            Some(traced) => traced.span.in_scope(work),
        }
    }

    /// Says that the call is over or its caller gone; returned by the server end's guard.
    pub(crate) fn finish(&self) {
        self.0.finished.store(true, Ordering::Release);
        if let Some(token) = self.0.token.get() {
            token.cancel();
        }
    }

    // Made on first use, since most handlers never ask.
    fn token(&self) -> &CancellationToken {
        let token = self.0.token.get_or_init(|| self.0.scope.stop.child_token());
        if self.0.finished.load(Ordering::Acquire) {
            token.cancel();
        }
        token
    }
}

/// Puts the context back that was current before, on a panic too.
struct Restore(Option<Context>);

impl Drop for Restore {
    fn drop(&mut self) {
        CURRENT.set(self.0.take());
    }
}

struct ScopedStream<T> {
    context: Context,
    stream: BoxStream<'static, T>,
}

impl<T> Stream for ScopedStream<T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut std::task::Context<'_>) -> Poll<Option<T>> {
        let this = &mut *self;
        this.context.enter(|| this.stream.as_mut().poll_next(cx))
    }
}

impl Default for Context {
    fn default() -> Self {
        Self::background()
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("metadata", self.metadata())
            .field("time_left", &self.time_left())
            .field("peer", &self.peer())
            .finish_non_exhaustive()
    }
}
