//! The time that a call has, all attempts and pauses included.

use std::fmt;
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

use super::ID;
use super::spent::in_millis;
use crate::error::Error;
use crate::phase::Course;

/// From when to when a call may take.
#[derive(Clone, Copy)]
pub(super) struct Window {
    pub(super) begun: Instant,
    /// `None` means without end.
    pub(super) until: Option<Instant>,
}

impl Window {
    /// From now on, until a deadline.
    pub(super) fn new(until: Option<std::time::Instant>) -> Self {
        Self {
            begun: Instant::now(),
            until: until.map(Instant::from_std),
        }
    }

    pub(super) fn left(self) -> Duration {
        self.until.map_or(Duration::MAX, |until| {
            until.saturating_duration_since(Instant::now())
        })
    }

    /// The part of the window that the first of `attempts` gets, so that one that hangs leaves time for the others.
    pub(super) fn share(self, attempts: u32) -> Self {
        let until = self.until.map(|until| {
            let now = Instant::now();
            now + until.saturating_duration_since(now) / attempts
        });
        Self { until, ..self }
    }

    /// The part of the window that is over after `time`.
    pub(super) fn first(self, time: Duration) -> Self {
        let end = self.begun.checked_add(time);
        let until = self.until.into_iter().chain(end).min();
        Self { until, ..self }
    }

    /// Waits, if it is not over by then; false if it is.
    pub(super) async fn pause(self, pause: Duration) -> bool {
        let fits = pause < self.left();
        if fits {
            sleep(pause).await;
        }
        fits
    }

    /// Ends `work` when the time is over, with `None`, and takes down what it waited for.
    pub(super) async fn bound<T>(
        self,
        course: &mut Course,
        work: impl Future<Output = T>,
    ) -> Option<T> {
        let Some(until) = self.until else {
            return Some(work.await);
        };
        let mut work = pin!(Some(work));
        let followed = poll_fn(|cx| match work.as_mut().as_pin_mut() {
            Some(work) => course.follow(|| work.poll(cx)),
            None => Poll::Pending,
        });
        let done = timeout_at(until, followed).await;
        if done.is_err() {
            // What is dropped has a last word on what it waited for.
            course.follow(|| work.set(None));
        }
        done.ok()
    }

    /// The error of a call that was not done in time, with `parts` of where that went.
    pub(super) fn expired(self, parts: impl fmt::Display) -> Error {
        let until = self.until.unwrap_or_else(Instant::now);
        let allowed = in_millis(until.saturating_duration_since(self.begun));
        Error::timeout(ID, format!("deadline of {allowed:?} passed: {parts}")).late()
    }
}

/// How much less time than its caller a far end gets at most, for its word on what was late to be back in time.
pub(super) const AHEAD: Duration = Duration::from_millis(50);

/// The deadline of the far end of a call that is sent `now`: a tenth of the time earlier, at most [`AHEAD`].
pub(super) fn ahead(deadline: std::time::Instant, now: Instant) -> std::time::Instant {
    let left = deadline.saturating_duration_since(now.into_std());
    deadline - (left / 10).min(AHEAD)
}
