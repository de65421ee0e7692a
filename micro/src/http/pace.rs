//! How fast a connection moves, and when that is too slow.
//!
//! [`Pace`] notes what the call is at and what the socket moves, which `paced` sees; [`Watch`] tells from both when to give
//! up.
//! One timer a connection does, and a call that is quick never touches it.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

use crate::limits::Limits;

/// What a connection waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// The first byte of a call.
    Idle,
    /// The rest of a head.
    Head,
    /// The rest of a call's body.
    Body,
    /// The handler.
    Handler,
    /// The caller, to read the reply.
    Reply,
}

/// What is known of one connection, or of one call of those that share a connection. All of it belongs to the
/// connection's task; the atomics only let that task move between threads.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    /// The bytes of bodies are noted as they are read, since the socket is not of this call alone.
    notes_bodies: bool,
    part: AtomicU8,
    /// How many calls have begun or ended.
    turn: AtomicU64,
    /// Bytes moved since the part began.
    moved: AtomicU64,
    /// Something was written that has not left.
    unflushed: AtomicBool,
    stalled: AtomicBool,
}

/// A time that never comes, and can be added to any other.
const FAR: Duration = Duration::from_secs(30 * 365 * 24 * 3600);

/// The parts of a call, as the values of [`Pace::part`].
const BETWEEN: u8 = 0;
const BODY: u8 = 1;
const HANDLER: u8 = 2;
const STREAM: u8 = 3;

impl Pace {
    /// What is known of a call that shares its connection.
    pub(super) fn of_call() -> Self {
        Self {
            notes_bodies: true,
            ..Self::default()
        }
    }

    /// So many bytes of a body were read.
    pub(super) fn read(&self, bytes: usize) {
        if self.notes_bodies {
            self.moved(bytes);
        }
    }

    /// A head is complete; its body is read next.
    pub(super) fn begin_body(&self) {
        self.stalled.store(false, Relaxed);
        self.enter(BODY);
    }

    /// The body is complete; the handler runs next.
    pub(crate) fn begin_handler(&self) {
        self.enter(HANDLER);
    }

    /// The reply is handed over.
    pub(super) fn begin_reply(&self) {
        self.enter(BETWEEN);
    }

    /// The reply is handed over piece by piece.
    pub(super) fn begin_stream(&self) {
        self.enter(STREAM);
    }

    /// True once the body of this call has been given up.
    pub(super) fn is_stalled(&self) -> bool {
        self.stalled.load(Relaxed)
    }

    /// Gives up the body of this call.
    pub(super) fn give_up(&self) {
        self.stalled.store(true, Relaxed);
    }

    pub(super) fn phase(&self) -> Phase {
        match self.part.load(Relaxed) {
            BODY => Phase::Body,
            HANDLER => Phase::Handler,
            STREAM if !self.unflushed.load(Relaxed) => Phase::Handler,
            _ if self.unflushed.load(Relaxed) => Phase::Reply,
            _ if self.moved.load(Relaxed) > 0 => Phase::Head,
            _ => Phase::Idle,
        }
    }

    fn enter(&self, part: u8) {
        self.part.store(part, Relaxed);
        self.moved.store(0, Relaxed);
        self.turn.store(self.turn.load(Relaxed) + 1, Relaxed);
    }

    /// So many bytes were read or written.
    pub(super) fn moved(&self, bytes: usize) {
        self.moved
            .store(self.moved.load(Relaxed) + bytes as u64, Relaxed);
    }

    /// Something was written that may not have left.
    pub(super) fn written(&self) {
        self.unflushed.store(true, Relaxed);
    }

    /// All that was written has left.
    pub(super) fn flushed(&self) {
        if self.unflushed.load(Relaxed) {
            self.unflushed.store(false, Relaxed);
            if matches!(self.part.load(Relaxed), BETWEEN | STREAM) {
                self.moved.store(0, Relaxed);
            }
        }
    }
}

/// Tells when a connection has been too slow.
pub(super) struct Watch<'a> {
    pace: &'a Pace,
    limits: &'a Limits,
    seen: (Phase, u64),
    since: Instant,
    timer: Pin<Box<Sleep>>,
    draining: bool,
}

impl<'a> Watch<'a> {
    pub(super) fn new(pace: &'a Pace, limits: &'a Limits) -> Self {
        let now = Instant::now();
        Self {
            pace,
            limits,
            seen: (Phase::Idle, 0),
            since: now,
            timer: Box::pin(sleep_until(now + limits.idle_timeout.min(FAR))),
            draining: false,
        }
    }

    /// From now on an idle connection is only waited for as long as it takes a call on its way to arrive.
    pub(super) fn drain(&mut self) {
        self.draining = true;
        self.since = Instant::now();
    }

    pub(super) fn is_draining(&self) -> bool {
        self.draining
    }

    /// Ready with the phase that has lasted too long.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Phase> {
        let seen = (self.pace.phase(), self.pace.turn.load(Relaxed));
        if seen != self.seen {
            self.seen = seen;
            self.since = Instant::now();
        }
        let Some(allowed) = self.allowed() else {
            return Poll::Pending;
        };
        let due = self.since + allowed.min(FAR);
        // Moved back only once it has rung, so that quick calls leave it alone.
        if due < self.timer.deadline() {
            self.timer.as_mut().reset(due);
        }
        loop {
            ready!(self.timer.as_mut().poll(cx));
            if due <= Instant::now() {
                return Poll::Ready(seen.0);
            }
            self.timer.as_mut().reset(due);
        }
    }

    /// How long the phase may last.
    fn allowed(&self) -> Option<Duration> {
        match self.seen.0 {
            Phase::Idle if self.draining => Some(self.limits.linger),
            Phase::Idle => Some(self.limits.idle_timeout),
            Phase::Head => Some(self.limits.head_timeout),
            Phase::Body | Phase::Reply => {
                Some(self.limits.head_timeout.saturating_add(self.earned()))
            }
            Phase::Handler => None,
        }
    }

    /// The time that the bytes moved so far may have taken.
    fn earned(&self) -> Duration {
        let moved = self.pace.moved.load(Relaxed);
        Duration::from_secs(moved) / u32::try_from(self.limits.body_rate.max(1)).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::{Duration, Instant, Limits, Pace, Phase, Poll, Relaxed, Watch};

    fn limits() -> Limits {
        Limits {
            body_rate: 100,
            ..Limits::default()
        }
    }

    /// Waits until `watch` gives up; says on what, and how long that took.
    async fn outcome(watch: &mut Watch<'_>) -> (Phase, Duration) {
        let begun = Instant::now();
        let phase = poll_fn(|cx| watch.poll(cx)).await;
        (phase, begun.elapsed())
    }

    /// Lets `watch` see what was noted.
    async fn look(watch: &mut Watch<'_>) {
        let polled = poll_fn(|cx| Poll::Ready(watch.poll(cx))).await;
        assert!(polled.is_pending(), "{polled:?}");
    }

    fn about(wanted: Duration, took: Duration) -> bool {
        took >= wanted && took < wanted + Duration::from_millis(10)
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_may_idle_for_the_idle_time() {
        let (pace, limits) = (Pace::default(), limits());

        let (phase, took) = outcome(&mut Watch::new(&pace, &limits)).await;

        assert_eq!(phase, Phase::Idle);
        assert!(about(limits.idle_timeout, took), "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn the_time_of_a_head_begins_with_its_first_byte() {
        let (pace, limits) = (Pace::default(), limits());
        let mut watch = Watch::new(&pace, &limits);
        look(&mut watch).await;
        tokio::time::advance(limits.idle_timeout / 2).await;

        pace.moved(1);
        let (phase, took) = outcome(&mut watch).await;

        assert_eq!(phase, Phase::Head);
        assert!(about(limits.head_timeout, took), "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn more_bytes_give_a_head_no_more_time() {
        let (pace, limits) = (Pace::default(), limits());
        let mut watch = Watch::new(&pace, &limits);
        pace.moved(1);
        look(&mut watch).await;

        tokio::time::advance(limits.head_timeout / 2).await;
        pace.moved(1000);
        let (_, took) = outcome(&mut watch).await;

        assert!(about(limits.head_timeout / 2, took), "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn bytes_of_a_body_earn_it_time() {
        let (pace, limits) = (Pace::default(), limits());
        let mut watch = Watch::new(&pace, &limits);
        pace.begin_body();

        pace.moved(300);
        let (phase, took) = outcome(&mut watch).await;

        assert_eq!(phase, Phase::Body);
        assert!(
            about(limits.head_timeout + Duration::from_secs(3), took),
            "{took:?}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_reply_that_is_not_taken_is_given_up() {
        let (pace, limits) = (Pace::default(), limits());
        let mut watch = Watch::new(&pace, &limits);

        pace.unflushed.store(true, Relaxed);
        let (phase, took) = outcome(&mut watch).await;

        assert_eq!(phase, Phase::Reply);
        assert!(about(limits.head_timeout, took), "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_may_pause_for_any_time() {
        let (pace, limits) = (Pace::default(), limits());
        let mut watch = Watch::new(&pace, &limits);
        pace.begin_stream();
        pace.written();
        pace.flushed();

        tokio::time::advance(limits.idle_timeout * 100).await;

        look(&mut watch).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_whose_items_are_not_taken_is_given_up() {
        let (pace, limits) = (Pace::default(), limits());
        let mut watch = Watch::new(&pace, &limits);
        pace.begin_stream();

        pace.written();
        let (phase, took) = outcome(&mut watch).await;

        assert_eq!(phase, Phase::Reply);
        assert!(about(limits.head_timeout, took), "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_handler_may_take_any_time() {
        let (pace, limits) = (Pace::default(), limits());
        let mut watch = Watch::new(&pace, &limits);
        pace.begin_body();
        pace.begin_handler();

        tokio::time::advance(limits.idle_timeout * 100).await;

        look(&mut watch).await;
    }

    #[tokio::test(start_paused = true)]
    async fn no_limit_is_a_time_that_does_not_come() {
        let pace = Pace::default();
        let limits = Limits {
            idle_timeout: Duration::MAX,
            head_timeout: Duration::MAX,
            ..Limits::default()
        };
        let mut watch = Watch::new(&pace, &limits);
        look(&mut watch).await;

        pace.begin_body();
        pace.moved(1);

        look(&mut watch).await;
    }

    #[test]
    fn a_body_that_was_given_up_does_not_count_for_the_next() {
        let pace = Pace::default();
        pace.begin_body();
        pace.give_up();

        pace.begin_body();

        assert!(!pace.is_stalled());
    }

    #[tokio::test(start_paused = true)]
    async fn every_call_begins_the_idle_time_anew() {
        let (pace, limits) = (Pace::default(), limits());
        let mut watch = Watch::new(&pace, &limits);
        look(&mut watch).await;
        tokio::time::advance(limits.idle_timeout / 2).await;

        pace.begin_body();
        pace.begin_handler();
        pace.begin_reply();
        let (phase, took) = outcome(&mut watch).await;

        assert_eq!(phase, Phase::Idle);
        assert!(about(limits.idle_timeout, took), "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn while_draining_a_connection_idles_for_the_linger_only() {
        let (pace, limits) = (Pace::default(), limits());
        let mut watch = Watch::new(&pace, &limits);
        look(&mut watch).await;

        watch.drain();
        let (phase, took) = outcome(&mut watch).await;

        assert_eq!(phase, Phase::Idle);
        assert!(about(limits.linger, took), "{took:?}");
    }
}
