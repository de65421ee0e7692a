//! The side that answers: one task reads, runs handlers, and writes what they answer.
//!
//! A handler is polled once where its call is read; one that waits is polled on among the connection's own futures.
//! What each frame does to its call is in `calls`, what becomes of answers in `answers`.

mod answers;
mod calls;

use std::collections::{HashMap, VecDeque};
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::future::{AbortHandle, Abortable, BoxFuture};
use futures_util::stream::{BoxStream, FuturesUnordered};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::task::JoinSet;

use super::assembly::{Partial, Window};
use super::frame::Kind;
use super::head::Endpoints;
use super::inbox::{Inbox, Wish, Wishes};
use super::outbox::Outbox;
use super::pipe::Pipe;
use super::preface::{LENGTH, Preface};
use super::watch::{Standing, Verdict, Watch};
use super::{Broken, limits_preface};
use crate::error::Result;
use crate::listener::Site;
use crate::message::{Request, Response};
use crate::peer::Peer;
use crate::transport::{Accept, Limits};

/// How long handlers may be polled in place before what is ready is written and the others run elsewhere.
const IN_PLACE: Duration = Duration::from_micros(100);

/// What ends a connection whose other side stops in the middle.
const SLOW: &str = "the peer is too slow to send or to read the rest of what was begun (--head_timeout, --body_rate)";

/// How many steps are taken before others of the runtime get a turn.
const STEPS: usize = 64;

/// How many messages of one stream are made in a row, before the time is looked at.
const ROW: usize = 32;

/// Serves the calls of one connection, whose first bytes have not been read yet, until either side ends it.
pub(in super::super) async fn serve<S>(
    mut stream: S,
    peer: Peer,
    accept: Arc<dyn Accept>,
    site: &Site,
) where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let limits = &site.limits;
    let greeting = tokio::time::timeout(limits.head_timeout, greet(&mut stream, limits));
    let theirs = match greeting.await {
        Ok(Ok(theirs)) => theirs,
        Ok(Err(error)) => return tracing::debug!(%peer, %error, "no frames"),
        Err(_) => return tracing::debug!(%peer, "a connection said nothing and is closed"),
    };
    let mut connection = Connection::new(stream, theirs, peer.clone(), accept, site);
    let mut draining = pin!(site.draining());
    // One poll is enough to be woken, since the task that polls never changes.
    let mut registered = false;
    let ended = poll_fn(|cx| {
        if !connection.is_going && (!registered || site.is_draining()) {
            registered = true;
            if draining.as_mut().poll(cx).is_ready() {
                connection.go("the server is stopping");
            }
        }
        connection.poll(cx)
    });
    if let Err(error) = ended.await {
        tracing::debug!(%peer, %error, "a connection broke");
        // So that the other side can say why. It may be gone, or read nothing: nobody waits for it.
        let reason = error.to_string();
        connection.go(&reason);
        let _ = poll_fn(|cx| Poll::Ready(connection.write(cx))).await;
    }
}

/// Reads the other side's preface and sends this one's.
async fn greet<S>(stream: &mut S, limits: &Limits) -> std::io::Result<Preface>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut bytes = [0; LENGTH];
    stream.read_exact(&mut bytes).await?;
    let theirs = Preface::read(&bytes).map_err(std::io::Error::other)?;
    stream.write_all(&limits_preface(limits).write()).await?;
    Ok(theirs)
}

/// What a step of a call came to.
enum Done {
    Answer(Result<Response>),
    Item(Option<Result<Bytes>>, BoxStream<'static, Result<Bytes>>),
}

type Step = BoxFuture<'static, (u32, Done)>;

/// One call on its way.
struct Call {
    is_stream: bool,
    /// Ends the step that is under way.
    abort: Option<Abort>,
    /// A request whose first message is not whole.
    opening: Option<Request>,
    /// A whole one that is not begun yet; then it is in the queue.
    waits: Option<Waiting>,
    partial: Option<Partial>,
    /// For the messages of the caller's stream.
    inbox: Option<Inbox>,
    /// How much of them the caller may still send.
    room: i64,
    /// How much of the reply's stream the caller takes.
    credit: i64,
    /// The reply's stream, while it waits for credit or for a long message to be written; then it is among the paused.
    waiting: Option<BoxStream<'static, Result<Bytes>>>,
    got_end: bool,
    sent_end: bool,
}

/// A call that waits for answers of others to be read.
struct Waiting {
    request: Request,
    /// How much room its message took.
    room: u32,
}

enum Abort {
    Here(AbortHandle),
    Elsewhere(tokio::task::AbortHandle),
}

impl Drop for Call {
    fn drop(&mut self) {
        match &self.abort {
            Some(Abort::Here(step)) => step.abort(),
            Some(Abort::Elsewhere(task)) => task.abort(),
            None => {}
        }
    }
}

/// The state of one connection.
struct Connection<S> {
    pipe: Pipe<S>,
    outbox: Outbox,
    endpoints: Endpoints,
    /// This side's room for the long messages of all calls.
    window: Window,
    calls: HashMap<u32, Call>,
    /// How many of them are streams.
    streams: usize,
    /// Those that wait to be begun.
    queue: VecDeque<u32>,
    /// Steps that wait, and those that run elsewhere.
    steps: FuturesUnordered<Abortable<Step>>,
    elsewhere: JoinSet<(u32, Done)>,
    /// The calls whose reply's stream waits.
    paused: Vec<u32>,
    wishes: Arc<Wishes>,
    watch: Watch,
    /// How many calls came before no more were taken.
    taken: u64,
    /// No more are.
    is_going: bool,
    /// The client knows that soon no more will be.
    is_old: bool,
    /// After the last call, for those that are on their way.
    lingering: Option<Pin<Box<tokio::time::Sleep>>>,
    /// When the frames that are being taken were read.
    read_at: Instant,
    /// Handlers have had the time that they have in place.
    is_late: bool,
    theirs: Preface,
    ours: Preface,
    peer: Peer,
    accept: Arc<dyn Accept>,
    limits: Limits,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    fn new(stream: S, theirs: Preface, peer: Peer, accept: Arc<dyn Accept>, site: &Site) -> Self {
        let limits = site.limits.clone();
        let ours = limits_preface(&limits);
        Self {
            pipe: Pipe::new(stream),
            outbox: Outbox::new(theirs.connection),
            endpoints: Endpoints::default(),
            window: Window::new(ours.connection),
            calls: HashMap::new(),
            streams: 0,
            queue: VecDeque::new(),
            steps: FuturesUnordered::new(),
            elsewhere: JoinSet::new(),
            paused: Vec::new(),
            wishes: Arc::default(),
            watch: Watch::new(limits.idle_timeout, &limits, site.expiry()),
            taken: 0,
            is_going: false,
            is_old: false,
            lingering: None,
            read_at: Instant::now(),
            is_late: false,
            theirs,
            ours,
            peer,
            accept,
            limits,
        }
    }

    /// Takes no more calls, and says so.
    fn go(&mut self, why: &str) {
        self.is_going = true;
        self.say_going(self.taken, why);
    }

    fn say_going(&mut self, taken: u64, why: &str) {
        let payload = [&taken.to_le_bytes(), why.as_bytes()].concat();
        self.outbox.control(Kind::GoAway, 0, 0, &payload);
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        self.wishes.waker.register(cx.waker());
        for _ in 0..STEPS {
            self.grant();
            let worked = self.work(cx);
            let mut moved = worked != Poll::Ready(false);
            // Before the write, which otherwise would not come to what it adds.
            self.resume();
            moved |= matches!(self.write(cx)?, Poll::Ready(true));
            match self.read(cx)? {
                Poll::Ready(false) => return Poll::Ready(Ok(())),
                _ if worked.is_pending() => break,
                Poll::Ready(true) => continue,
                Poll::Pending if moved => continue,
                Poll::Pending => {}
            }
            if self.poll_end(cx).is_ready() {
                return Poll::Ready(Ok(()));
            }
            match ready!(self.watch.poll(cx, self.standing())) {
                Verdict::Ask => self.outbox.control(Kind::Ping, 0, 0, &[0; 8]),
                Verdict::Idle if self.is_going => return Poll::Ready(Ok(())),
                Verdict::Idle => self.go("the connection was idle"),
                Verdict::Old => self.age(),
                Verdict::Dead => return Poll::Ready(Err(Broken("the peer is silent").into())),
                Verdict::Slow => return Poll::Ready(Err(Broken(SLOW).into())),
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Has the client open another connection; what it sends until it knows that is taken, and after a while no more.
    fn age(&mut self) {
        let why = "the connection has come of age (--max_connection_age)";
        if self.is_going {
            return;
        }
        if self.is_old {
            return self.go(why);
        }
        self.is_old = true;
        self.say_going(u64::MAX, why);
        self.watch.expire_after(self.limits.linger);
    }

    fn standing(&self) -> Standing {
        let has_to_read = !self.outbox.is_empty() || self.pipe.is_writing();
        let has_to_send = self.pipe.input.is_partial() || self.window.is_waiting();
        Standing {
            is_busy: !self.calls.is_empty(),
            is_owed: has_to_read || has_to_send,
            moved: self.pipe.sent + self.pipe.received,
        }
    }

    /// Ready when a connection that takes no more calls has none left, and those on their way were refused.
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let is_done = self.is_going && self.calls.is_empty() && self.outbox.is_empty();
        if !is_done || self.pipe.is_writing() {
            self.lingering = None;
            return Poll::Pending;
        }
        let linger = self.limits.linger;
        let lingering = self
            .lingering
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(linger)));
        ready!(lingering.as_mut().poll(cx));
        // What cannot be said any more is not needed.
        let _ = ready!(self.pipe.poll_shutdown(cx));
        Poll::Ready(())
    }

    /// Gives the callers back the room of what handlers have read.
    fn grant(&mut self) {
        for wish in self.wishes.take() {
            // A handler that reads no more of its stream answers soon, or need not.
            if let Wish::Credit(id, bytes) = wish
                && let Some(call) = self.calls.get_mut(&id)
            {
                call.room += i64::from(bytes);
                self.outbox
                    .control(Kind::Credit, 0, id, &bytes.to_le_bytes());
            }
        }
    }

    /// Polls what waits, unless nothing more can be written, and says whether a step was done; pending if there is no
    /// time for more, since a stream that always has something ready would keep the connection from reading.
    fn work(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        let mut begun = self.dequeue().then(Instant::now);
        while !self.outbox.is_laden() {
            if let Poll::Ready(Some(ended)) = self.elsewhere.poll_join_next(cx) {
                // One that was cancelled has nothing to say, but others behind it may.
                if let Ok((id, done)) = ended {
                    self.done(id, done);
                }
            } else if let Poll::Ready(Some(step)) = self.steps.poll_next_unpin(cx) {
                if let Ok((id, done)) = step {
                    self.done(id, done);
                }
            } else {
                break;
            }
            if begun.get_or_insert_with(Instant::now).elapsed() > IN_PLACE {
                return Poll::Pending;
            }
        }
        Poll::Ready(begun.is_some())
    }

    fn write(&mut self, cx: &mut Context<'_>) -> Poll<std::io::Result<bool>> {
        let outbox = &mut self.outbox;
        self.pipe.poll_write(cx, |batch| outbox.fill(batch))
    }

    /// Goes on with streams that waited, if they need not any more.
    fn resume(&mut self) {
        if self.paused.is_empty() || self.outbox.is_laden() {
            return;
        }
        for id in std::mem::take(&mut self.paused) {
            if let Some(stream) = self.calls.get_mut(&id).and_then(|call| call.waiting.take()) {
                self.emit(id, stream);
            }
        }
    }

    /// Reads once, and takes every frame that came; false at the end.
    fn read(&mut self, cx: &mut Context<'_>) -> Poll<std::io::Result<bool>> {
        if self.outbox.is_overfull() {
            // What is read now would be answered at once, and the peer reads no answers: the write wakes.
            return Poll::Pending;
        }
        if !ready!(self.pipe.poll_read(cx))? {
            return Poll::Ready(Ok(false));
        }
        self.watch.heard();
        self.read_at = Instant::now();
        self.is_late = false;
        // Frames lie in the input beside what they change.
        let mut input = std::mem::take(&mut self.pipe.input);
        while let Some((frame, length)) = input.frame()? {
            self.take(&frame)?;
            input.used(length);
            if !self.is_late && self.read_at.elapsed() > IN_PLACE {
                self.is_late = true;
                let _ = self.write(cx)?;
            }
        }
        self.pipe.input = input;
        Poll::Ready(Ok(true))
    }
}
