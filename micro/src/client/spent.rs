//! Where the time of a call goes.

use std::fmt;
use std::time::Duration;

use tokio::time::Instant;

use super::window::Window;
use crate::error::Result;
use crate::message::{Request, Response};
use crate::phase::{Course, Phase};

/// What a call has spent its time on.
#[derive(Clone, Copy)]
pub(super) struct Spent {
    /// Until when all is accounted for; when the attempt under way began.
    until: Instant,
    finding: Duration,
    /// On attempts before the one under way.
    before: Duration,
    pauses: Duration,
    /// What the attempt under way waits for.
    pub(super) course: Course,
}

impl Spent {
    pub(super) fn new(begun: Instant) -> Self {
        Self {
            until: begun,
            finding: Duration::ZERO,
            before: Duration::ZERO,
            pauses: Duration::ZERO,
            course: Course::new(begun),
        }
    }

    /// A node was found, and an attempt begins.
    pub(super) fn begin(&mut self) {
        self.finding += step(&mut self.until);
        self.course = Course::new(self.until);
    }

    /// When the attempt under way began.
    pub(super) fn begun(&self) -> Instant {
        self.until
    }

    /// The attempt under way has failed, or another is made beside it.
    pub(super) fn attempted(&mut self) {
        self.before += step(&mut self.until);
    }

    /// A pause is over.
    pub(super) fn paused(&mut self) {
        self.pauses += step(&mut self.until);
    }

    /// What came of an attempt at `address`, which says where the time went if that ran out.
    pub(super) fn told(
        &self,
        sent: Option<Result<Response>>,
        window: Window,
        request: &Request,
        address: &str,
    ) -> Result<Response> {
        let parts = Parts {
            spent: self,
            service: &request.service,
            address,
        };
        let sent = match sent {
            None => return Err(window.expired(parts)),
            Some(sent) => sent,
        };
        sent.map_err(|error| match error.is_late() {
            true => error.within(format_args!("after {parts}")),
            false => error,
        })
    }
}

/// Accounts for the time up to now, and says how much that is.
fn step(until: &mut Instant) -> Duration {
    let now = Instant::now();
    let passed = now.saturating_duration_since(*until);
    *until = now;
    passed
}

/// The parts that count, as text.
struct Parts<'a> {
    spent: &'a Spent,
    service: &'a str,
    address: &'a str,
}

impl fmt::Display for Parts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            spent,
            service,
            address,
        } = self;
        let now = Instant::now();
        let waited = |phase| spent.course.waited(phase, now);
        let parts = [
            (spent.finding, format_args!("finding {service}")),
            (spent.before, format_args!("in attempts before")),
            (spent.pauses, format_args!("in pauses between attempts")),
            (
                waited(Phase::Room),
                format_args!("waiting for room on a connection to {address}"),
            ),
            (
                waited(Phase::Connection),
                format_args!("connecting to {address}"),
            ),
            (waited(Phase::Reply), format_args!("waiting for its reply")),
            (waited(Phase::Rest), format_args!("reading its reply")),
        ];
        let mut comma = "";
        for (time, what) in parts {
            if let Some(time) = shown(time) {
                write!(f, "{comma}{time:?} {what}")?;
                comma = ", ";
            }
        }
        match comma {
            "" => f.write_str("less than 1ms in all"),
            _ => Ok(()),
        }
    }
}

/// Whole milliseconds; `None` for less than one, which says nothing.
fn shown(time: Duration) -> Option<Duration> {
    let whole = in_millis(time);
    (!whole.is_zero()).then_some(whole)
}

/// `time` without what is less than a millisecond.
pub(super) fn in_millis(time: Duration) -> Duration {
    Duration::from_millis(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
}
