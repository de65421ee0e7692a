//! Whether a server lives, and whether it is ready to be called.

use std::fmt;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all};
use serde::Serialize;

use crate::error::Result;
use crate::transport::Page;

/// Something that must be well for a service to be ready.
#[derive(Clone)]
pub(crate) struct Check {
    name: String,
    run: Arc<dyn Fn() -> BoxFuture<'static, Result<()>> + Send + Sync>,
}

impl Check {
    /// One that is passed if what `run` makes is `Ok`.
    pub(crate) fn new<F, Fut>(name: String, run: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<()>> + Send + 'static,
    {
        let run = Arc::new(move || run().boxed());
        Self { name, run }
    }

    /// Why it is not passed, if it is not within `limit`.
    async fn failure(&self, limit: Duration) -> Option<String> {
        // The user's function runs inside, for panics.
        let run = AssertUnwindSafe(async { (self.run)().await }).catch_unwind();
        match tokio::time::timeout(limit, run).await {
            Ok(Ok(Ok(()))) => None,
            Ok(Ok(Err(error))) => Some(error.to_string()),
            Ok(Err(_)) => Some("the check panicked".to_owned()),
            Err(_) => Some(format!("not done within {limit:?}")),
        }
    }
}

impl fmt::Debug for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Check({})", self.name)
    }
}

/// The state of one server.
#[derive(Clone, Debug, Default)]
pub(crate) struct Health {
    is_registered: Arc<AtomicBool>,
    checks: Arc<[Check]>,
    limit: Duration,
}

impl Health {
    /// That of a server that is not ready before `checks` are passed, each within `limit`.
    pub(super) fn new(checks: Vec<Check>, limit: Duration) -> Self {
        Self {
            is_registered: Arc::default(),
            checks: checks.into(),
            limit,
        }
    }

    /// Says whether the server is registered, and is to stay so.
    pub(super) fn set_registered(&self, is_registered: bool) {
        self.is_registered.store(is_registered, Ordering::Release);
    }

    /// The page that says that the server lives.
    pub(super) fn live() -> Page {
        let report = Report {
            status: Status::Ok,
            checks: Vec::new(),
        };
        report.page()
    }

    /// The page that says whether it is ready.
    pub(super) async fn ready(self) -> Page {
        let registered = (!self.is_registered.load(Ordering::Acquire))
            .then(|| "starting, or stopping".to_owned());
        let run = self.checks.iter().map(|check| check.failure(self.limit));
        let own = self
            .checks
            .iter()
            .map(|check| &*check.name)
            .zip(join_all(run).await);
        let checks: Vec<Line<'_>> = std::iter::once(("registered", registered))
            .chain(own)
            .map(|(name, reason)| Line {
                name,
                status: Status::of(reason.is_none()),
                reason,
            })
            .collect();
        let is_ready = checks.iter().all(|line| line.reason.is_none());
        let status = Status::of(is_ready);
        Report { status, checks }.page()
    }
}

/// What a page says.
#[derive(Serialize)]
struct Report<'a> {
    status: Status,
    checks: Vec<Line<'a>>,
}

#[derive(Serialize)]
struct Line<'a> {
    name: &'a str,
    status: Status,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
enum Status {
    Ok,
    Failing,
}

impl Status {
    fn of(is_ok: bool) -> Self {
        if is_ok { Self::Ok } else { Self::Failing }
    }
}

impl Report<'_> {
    fn page(&self) -> Page {
        let status = match self.status {
            Status::Ok => 200,
            Status::Failing => 503,
        };
        // Names and texts can always be written.
        let text = serde_json::to_string(self).unwrap_or_default();
        Page::new(status, "application/json", text)
    }
}
