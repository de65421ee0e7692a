//! What a call waits for at this end.
//!
//! Transports tell it while they are polled, in a thread-local; whoever bounds the call keeps it between polls.

use std::cell::Cell;
use std::time::Duration;

use tokio::time::Instant;

/// What a call waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Room on a connection.
    Room,
    Connection,
    /// The reply, from when the request was ready to be sent.
    Reply,
    /// The rest of a reply that has begun to arrive.
    Rest,
}

/// How long a call has waited for what.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Course {
    phase: Phase,
    since: Instant,
    waited: [Duration; 4],
}

thread_local! {
    /// That of the call being polled; `None` if nobody wants to know.
    static COURSE: Cell<Option<Course>> = const { Cell::new(None) };
}

/// Says that the call being polled waits for `phase` from now on.
pub(crate) fn enter(phase: Phase) {
    if let Some(course) = COURSE.get().filter(|course| course.phase != phase) {
        COURSE.set(Some(course.turned(phase, Instant::now())));
    }
}

/// The same, since some time ago.
pub(crate) fn entered(phase: Phase, since: Instant) {
    if let Some(course) = COURSE.get() {
        COURSE.set(Some(course.turned(phase, since)));
    }
}

impl Course {
    pub(crate) fn new(since: Instant) -> Self {
        Self {
            phase: Phase::Reply,
            since,
            waited: [Duration::ZERO; 4],
        }
    }

    /// Lets `work`, a poll or a drop of the call, tell.
    pub(crate) fn follow<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let _outer = Outer(COURSE.replace(Some(*self)));
        let done = work();
        *self = COURSE.get().unwrap_or(*self);
        done
    }

    /// How long it has waited for `phase` until `now`.
    pub(crate) fn waited(&self, phase: Phase, now: Instant) -> Duration {
        self.turned(self.phase, now).waited[phase as usize]
    }

    fn turned(mut self, phase: Phase, now: Instant) -> Self {
        self.waited[self.phase as usize] += now.saturating_duration_since(self.since);
        Self {
            phase,
            since: now,
            ..self
        }
    }
}

/// Puts the course back of the call that a handler in this process serves, on a panic too.
struct Outer(Option<Course>);

impl Drop for Outer {
    fn drop(&mut self) {
        COURSE.set(self.0);
    }
}
