//! The side that calls: callers put frames into one outbox, and one task writes them and reads the answers.
//!
//! What each frame does to its call is in `calls`; what callers hold is in `caller`.

mod caller;
mod calls;

use std::collections::HashMap;
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

pub(super) use self::caller::Calling;
use self::calls::Exchange;
use super::Broken;
use super::assembly::Window;
use super::frame::Kind;
use super::inbox::{Wish, Wishes};
use super::limits_preface;
use super::outbox::Outbox;
use super::pipe::Pipe;
use super::preface::{LENGTH, Preface};
use super::watch::{Standing, Verdict, Watch};
use crate::transport::Limits;

/// How long the other side may take to say that it speaks frames.
pub(super) const GREETING: Duration = Duration::from_secs(1);

/// How many steps are taken before others of the runtime get a turn.
const STEPS: usize = 64;

/// One connection to a node, as callers share it. Its task ends when none is left and nothing is under way.
pub(in super::super) struct Connection(Arc<Shared>);

/// What callers share with the task.
pub(in super::super) struct Shared {
    state: Mutex<State>,
    wishes: Arc<Wishes>,
    theirs: Preface,
    address: Arc<str>,
}

/// What callers and the task change.
struct State {
    outbox: Outbox,
    /// This side's room for the long messages of all of them.
    window: Window,
    calls: HashMap<u32, Exchange>,
    /// The number of the call that began last.
    last: u32,
    /// How many calls have begun.
    begun: u64,
    /// The numbers of endpoints, by service and then by endpoint.
    numbers: HashMap<String, HashMap<String, usize>>,
    /// How many endpoints have numbers.
    numbered: usize,
    /// Who waits for the outbox to empty.
    blocked: Vec<Waker>,
    /// How many of the calls that began the other side took, once it takes no more.
    going: Option<u64>,
    /// No caller is left.
    is_left: bool,
    /// Why there is no connection any more.
    closed: Option<Arc<str>>,
    /// How many bytes the system took.
    sent: u64,
    ours: Preface,
    wishes: Arc<Wishes>,
}

impl Connection {
    /// Greets the other side, and starts the task.
    pub(super) async fn start<S>(
        mut stream: S,
        address: Arc<str>,
        limits: &Limits,
    ) -> io::Result<Arc<Self>>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let ours = limits_preface(limits);
        stream.write_all(&ours.write()).await?;
        let mut bytes = [0; LENGTH];
        let read = tokio::time::timeout(GREETING, stream.read_exact(&mut bytes)).await;
        read.map_err(|_| Broken("the peer did not greet within 1 s"))??;
        let theirs = Preface::read(&bytes)?;
        let wishes = Arc::<Wishes>::default();
        let state = State {
            ours,
            wishes: Arc::clone(&wishes),
            outbox: Outbox::new(theirs.connection),
            window: Window::new(ours.connection),
            calls: HashMap::new(),
            last: 0,
            begun: 0,
            numbers: HashMap::new(),
            numbered: 0,
            blocked: Vec::new(),
            going: None,
            is_left: false,
            closed: None,
            sent: 0,
        };
        let shared = Arc::new(Shared {
            state: Mutex::new(state),
            wishes,
            theirs,
            address,
        });
        // Half as long as a server keeps one that idles, so as not to call on one that is being closed.
        let idle = limits.idle_timeout / 2;
        let watch = Watch::new(idle, limits, None);
        tokio::spawn(Arc::clone(&shared).drive(stream, watch));
        Ok(Arc::new(Self(shared)))
    }
}

impl Deref for Connection {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.state().is_left = true;
        self.wishes.waker.wake();
    }
}

impl Shared {
    /// True if more calls can begin.
    pub(super) fn is_open(&self) -> bool {
        let state = self.state();
        state.going.is_none() && state.closed.is_none()
    }

    /// True if no call fits beside those that are in flight.
    pub(super) fn is_saturated(&self) -> bool {
        self.state().calls.len() >= self.theirs.calls as usize
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No user's code runs under it, and each change leaves it whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn drive<S: AsyncRead + AsyncWrite + Unpin>(self: Arc<Self>, stream: S, watch: Watch) {
        let mut driver = Driver {
            shared: &self,
            pipe: Pipe::new(stream),
            watch,
            wakers: Vec::new(),
            is_deferred: false,
        };
        let ended = poll_fn(|cx| driver.poll(cx)).await;
        let why = match ended {
            Ok(why) => why.to_owned(),
            Err(error) => error.to_string(),
        };
        tracing::debug!(address = %self.address, why, "a connection ended");
        self.close(&why);
    }

    /// Tells everybody who waits.
    fn close(&self, why: &str) {
        let mut state = self.state();
        state.closed = Some(why.into());
        let mut wakers = std::mem::take(&mut state.blocked);
        for call in state.calls.values_mut() {
            call.close(why, &mut wakers);
        }
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Connection({})", self.address)
    }
}

/// The task's own part.
struct Driver<'a, S> {
    shared: &'a Shared,
    pipe: Pipe<S>,
    watch: Watch,
    /// Who is woken once the state is free.
    wakers: Vec<Waker>,
    /// The tasks that are ready have had a turn before what waits is written.
    is_deferred: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Driver<'_, S> {
    /// Drives the connection; ready with the reason when it is over.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<&'static str>> {
        self.shared.wishes.waker.register(cx.waker());
        for _ in 0..STEPS {
            self.grant();
            let mut moved = false;
            match self.read(cx)? {
                Poll::Ready(true) => moved = true,
                Poll::Ready(false) => return Poll::Ready(Ok("the other side closed it")),
                Poll::Pending => {}
            }
            if self.defers() {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            moved |= matches!(self.write(cx)?, Poll::Ready(true));
            if moved {
                continue;
            }
            if let Some(why) = self.is_over() {
                return Poll::Ready(Ok(why));
            }
            let standing = Standing {
                is_busy: !self.shared.state().calls.is_empty(),
                // Servers may stop reading while their answers are not read, and callers have deadlines.
                is_owed: false,
                moved: 0,
            };
            match std::task::ready!(self.watch.poll(cx, standing)) {
                Verdict::Ask => self
                    .shared
                    .state()
                    .outbox
                    .control(Kind::Ping, 0, 0, &[0; 8]),
                Verdict::Idle => {
                    // From now on nobody begins a call here; one that did goes first.
                    let mut state = self.shared.state();
                    let begun = state.begun;
                    state.going.get_or_insert(begun);
                }
                Verdict::Dead => {
                    return Poll::Ready(Err(Broken("the other side is silent").into()));
                }
                Verdict::Slow | Verdict::Old => {}
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Why the connection may be closed now, if it may.
    fn is_over(&self) -> Option<&'static str> {
        let state = self.shared.state();
        let is_going = state.going.is_some() || state.is_left;
        let is_done = state.calls.is_empty() && state.outbox.is_empty() && !self.pipe.is_writing();
        (is_going && is_done).then_some("nobody needs it any more")
    }

    /// Once after each time that nothing was waiting: callers that are ready then share one write.
    fn defers(&mut self) -> bool {
        let state = self.shared.state();
        let waits = !state.outbox.is_idle() && state.calls.len() > 1 && !self.pipe.is_writing();
        self.is_deferred = waits && !self.is_deferred;
        self.is_deferred
    }

    fn write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        let shared = self.shared;
        let mut blocked = Vec::new();
        let wrote = self.pipe.poll_write(cx, |batch| {
            let mut state = shared.state();
            state.outbox.fill(batch);
            if !state.outbox.is_full() {
                blocked.append(&mut state.blocked);
            }
        });
        shared.state().sent = self.pipe.sent;
        blocked.into_iter().for_each(Waker::wake);
        wrote
    }

    /// Does what readers of streams asked for.
    fn grant(&mut self) {
        let wishes = self.shared.wishes.take();
        if wishes.is_empty() {
            return;
        }
        let mut state = self.shared.state();
        for wish in wishes {
            match wish {
                Wish::Credit(id, bytes) => state.grant(id, bytes),
                Wish::Leave(id) => state.leave(id),
            }
        }
    }

    fn read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        if !std::task::ready!(self.pipe.poll_read(cx))? {
            return Poll::Ready(Ok(false));
        }
        self.watch.heard();
        let taken = self.take();
        // What came before something wrong is an answer like any other.
        self.wakers.drain(..).for_each(Waker::wake);
        taken?;
        Poll::Ready(Ok(true))
    }

    /// Takes every frame that has come.
    fn take(&mut self) -> Result<(), Broken> {
        let input = &mut self.pipe.input;
        let mut state = self.shared.state();
        while let Some((frame, length)) = input.frame()? {
            if frame.call != 0 {
                self.watch.used();
            }
            state.take(&frame, &mut self.wakers)?;
            input.used(length);
        }
        Ok(())
    }
}
