//! When a connection has been silent, slow or there for too long.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

use crate::transport::Limits;

/// What time calls for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing was asked for so long that the connection may go.
    Idle,
    /// Something is under way: ask whether the other side is there.
    Ask,
    /// It did not answer.
    Dead,
    /// It does not go on with what it began, or does not read what it asked for.
    Slow,
    /// The connection takes no more calls.
    Old,
}

/// What a connection is at when nothing moves.
#[derive(Clone, Copy, Debug)]
pub(super) struct Standing {
    /// Calls are in flight.
    pub(super) is_busy: bool,
    /// The other side has something to read, or to send the rest of.
    pub(super) is_owed: bool,
    /// How many bytes came and went so far.
    pub(super) moved: u64,
}

/// Looks at a connection from time to time.
pub(super) struct Watch {
    limit: Duration,
    alarm: Pin<Box<Sleep>>,
    /// When something came last, an answer to a question included.
    heard: Instant,
    /// When the last call began or ended.
    used: Instant,
    /// Since when the other side owes something, and how much had moved then.
    owed: Option<(Instant, u64)>,
    /// For how long it may at first, and how many bytes earn it another second.
    patience: Duration,
    rate: u32,
    expiry: Option<Instant>,
}

impl Watch {
    /// Silence of `limit` ends a connection, that takes calls until `expiry`.
    pub(super) fn new(limit: Duration, limits: &Limits, expiry: Option<Instant>) -> Self {
        let now = Instant::now();
        // Connections that begin together, as after a restart, are not to ask together for ever.
        let limit = limit - limit / 1000 * fastrand::u32(0..=100);
        let mut watch = Self {
            limit,
            alarm: Box::pin(sleep_until(now)),
            heard: now,
            used: now,
            owed: None,
            patience: limits.head_timeout,
            rate: u32::try_from(limits.body_rate.max(1)).unwrap_or(u32::MAX),
            expiry,
        };
        watch.rearm(now);
        watch
    }

    /// Something came.
    pub(super) fn heard(&mut self) {
        self.heard = Instant::now();
    }

    /// The connection was of use.
    pub(super) fn used(&mut self) {
        self.used = self.heard;
    }

    /// The connection is old again after that time.
    pub(super) fn expire_after(&mut self, time: Duration) {
        self.expiry = Some(later(Instant::now(), time));
    }

    /// Wakes the task when it is time to look again.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, standing: Standing) -> Poll<Verdict> {
        match (self.owed, standing.is_owed) {
            (None, true) => {
                let now = Instant::now();
                self.owed = Some((now, standing.moved));
                let due = later(now, self.patience);
                if due < self.alarm.deadline() {
                    self.alarm.as_mut().reset(due);
                }
            }
            (Some(_), false) => self.owed = None,
            _ => {}
        }
        loop {
            ready!(self.alarm.as_mut().poll(cx));
            let now = Instant::now();
            if self.is_slow(now, standing.moved) {
                return Poll::Ready(Verdict::Slow);
            }
            if self.expiry.is_some_and(|expiry| expiry <= now) {
                self.expiry = None;
                return Poll::Ready(Verdict::Old);
            }
            self.rearm(now);
            let silent = now.saturating_duration_since(self.heard);
            if silent >= self.limit && standing.is_busy {
                return Poll::Ready(Verdict::Dead);
            }
            let unused = now.saturating_duration_since(self.used);
            if !standing.is_busy && unused >= self.limit {
                return Poll::Ready(Verdict::Idle);
            }
            if standing.is_busy && silent >= self.limit / 2 {
                return Poll::Ready(Verdict::Ask);
            }
        }
    }

    /// True if the other side has owed something for longer than what moved since has earned it.
    fn is_slow(&mut self, now: Instant, moved: u64) -> bool {
        let Some((since, before)) = self.owed else {
            return false;
        };
        let earned = Duration::from_secs(moved - before) / self.rate;
        if earned > self.limit {
            // What was fast for long may not be slow for as long.
            self.owed = Some((now, moved));
            return false;
        }
        now >= later(since, self.patience.saturating_add(earned))
    }

    fn rearm(&mut self, now: Instant) {
        let half = later(now, self.limit / 2);
        let patient = self.owed.map(|_| later(now, self.patience));
        let next = [patient, self.expiry].into_iter().flatten();
        self.alarm.as_mut().reset(next.fold(half, Instant::min));
    }
}

fn later(now: Instant, time: Duration) -> Instant {
    // A limit without end is looked at once in a while all the same.
    let most = Duration::from_secs(3600);
    now + time.min(most)
}
