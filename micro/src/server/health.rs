//! Whether a server lives, and whether it is ready to be called.

use std::fmt;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared, WeakShared, join_all};
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
    /// What checks that run will say, while somebody waits for it.
    running: Arc<Mutex<Option<WeakShared<Run>>>>,
}

/// Checks that run, and then why each is not passed.
type Run = BoxFuture<'static, Arc<[Option<String>]>>;

impl Health {
    /// That of a server that is not ready before `checks` are passed, each within `limit`.
    pub(super) fn new(checks: Vec<Check>, limit: Duration) -> Self {
        Self {
            is_registered: Arc::default(),
            checks: checks.into(),
            limit,
            running: Arc::default(),
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

    /// True if the page of readiness says so.
    #[cfg(feature = "grpc")]
    pub(super) async fn is_ready(&self) -> bool {
        self.clone().ready().await.status == 200
    }

    /// The page that says whether it is ready.
    pub(super) async fn ready(self) -> Page {
        let failures = self.run().await;
        let registered =
            (!self.is_registered.load(Ordering::Acquire)).then_some("starting, or stopping");
        let names = self.checks.iter().map(|check| &*check.name);
        let own = names.zip(failures.iter().map(Option::as_deref));
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

    /// Runs the checks, or waits for those that run: whoever asks often must not have them run more often.
    fn run(&self) -> Shared<Run> {
        // Each change is one assignment, so that a panic leaves it whole.
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let shared = running.as_ref().and_then(WeakShared::upgrade);
        if let Some(shared) = shared.filter(|shared| shared.peek().is_none()) {
            return shared;
        }
        let (checks, limit) = (Arc::clone(&self.checks), self.limit);
        let run = async move {
            let run = checks.iter().map(|check| check.failure(limit));
            join_all(run).await.into()
        };
        let shared = run.boxed().shared();
        *running = shared.downgrade();
        shared
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
    reason: Option<&'a str>,
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use futures_util::future::join;

    use super::{Check, Health};

    /// A server that counts how often its check runs.
    fn counting() -> (Health, Arc<AtomicUsize>) {
        let runs = Arc::<AtomicUsize>::default();
        let count = Arc::clone(&runs);
        let check = Check::new("db".to_owned(), move || {
            count.fetch_add(1, Ordering::Relaxed);
            async {
                tokio::task::yield_now().await;
                Ok(())
            }
        });
        let health = Health::new(vec![check], Duration::from_secs(1));
        health.set_registered(true);
        (health, runs)
    }

    #[tokio::test]
    async fn those_who_ask_together_make_checks_run_once() {
        let (health, runs) = counting();

        let pages = join(health.clone().ready(), health.clone().ready()).await;

        assert_eq!((pages.0.status, pages.1.status), (200, 200));
        assert_eq!(runs.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn who_asks_later_makes_checks_run_again() {
        let (health, runs) = counting();
        let _page = health.clone().ready().await;

        let _page = health.ready().await;

        assert_eq!(runs.load(Ordering::Relaxed), 2);
    }
}
