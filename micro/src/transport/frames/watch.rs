//! When a connection has been silent for too long.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// What silence calls for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Silence {
    /// Nothing was asked for so long that the connection may go.
    Idle,
    /// Something is under way: ask whether the other side is there.
    Ask,
    /// It did not answer.
    Dead,
}

/// Looks at a connection from time to time.
pub(super) struct Watch {
    limit: Duration,
    alarm: Pin<Box<Sleep>>,
    /// When something came last, an answer to a question included.
    heard: Instant,
    /// When the last call began or ended.
    used: Instant,
}

impl Watch {
    /// Silence of `limit` ends a connection.
    pub(super) fn new(limit: Duration) -> Self {
        let now = Instant::now();
        Self {
            limit,
            alarm: Box::pin(sleep_until(later(now, limit / 2))),
            heard: now,
            used: now,
        }
    }

    /// Something came.
    pub(super) fn heard(&mut self) {
        self.heard = Instant::now();
    }

    /// The connection was of use.
    pub(super) fn used(&mut self) {
        self.used = self.heard;
    }

    /// Wakes the task when it is time to look again; `is_busy` says that calls are in flight.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, is_busy: bool) -> Poll<Silence> {
        loop {
            ready!(self.alarm.as_mut().poll(cx));
            let now = Instant::now();
            self.alarm.as_mut().reset(later(now, self.limit / 2));
            let silent = now.saturating_duration_since(self.heard);
            if silent >= self.limit && is_busy {
                return Poll::Ready(Silence::Dead);
            }
            if !is_busy && now.saturating_duration_since(self.used) >= self.limit {
                return Poll::Ready(Silence::Idle);
            }
            if is_busy && silent >= self.limit / 2 {
                return Poll::Ready(Silence::Ask);
            }
        }
    }
}

fn later(now: Instant, time: Duration) -> Instant {
    // A limit without end is looked at once in a while all the same.
    let most = Duration::from_secs(3600);
    now + time.min(most)
}
