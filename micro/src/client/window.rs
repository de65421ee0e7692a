//! The time that a call has, all attempts and pauses included.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

use super::ID;
use crate::error::{Error, Result};

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

    /// Ends `work` when the time is over, saying how long that was and where it went.
    pub(super) async fn bound<T>(
        self,
        place: &str,
        work: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let Some(until) = self.until else {
            return work.await;
        };
        let sent = Instant::now();
        timeout_at(until, work).await.unwrap_or_else(|_| {
            let allowed = until.saturating_duration_since(self.begun);
            let before = sent.saturating_duration_since(self.begun);
            let detail = format!("no answer from {place} within the {allowed:.0?} allowed, {before:.0?} of them spent before");
            Err(Error::timeout(ID, detail))
        })
    }
}
