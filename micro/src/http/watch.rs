//! When a connection is too slow, by what its [`Pace`] says. Its timer is one for all its calls, and a call that is quick
//! never touches it.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

use super::pace::{Pace, Phase};
use crate::limits::Limits;

/// A time that never comes, and can be added to any other.
const FAR: Duration = Duration::from_secs(30 * 365 * 24 * 3600);

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
        let seen = (self.pace.phase(), self.pace.turn());
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
        Duration::from_secs(self.pace.moved_so_far())
            / u32::try_from(self.limits.body_rate.max(1)).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::{Duration, Instant, Limits, Pace, Phase, Poll, Watch};

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

        pace.written();
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
