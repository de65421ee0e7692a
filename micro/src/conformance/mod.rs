//! The contracts of the seams as tests, for who writes a backend: each line under *Behavior* in a seam's documentation is
//! one check here, of the same words, and runs over any implementation.
//!
//! A backend's crate runs them by a test of its own, which has no harness but this one:
//!
//! ```toml
//! [dev-dependencies]
//! micro = { version = "0.1", features = ["conformance"] }
//!
//! [[test]]
//! name = "conformance"
//! harness = false
//! ```
//!
//! ```no_run
//! // tests/conformance.rs
//! use std::process::ExitCode;
//! use std::sync::Arc;
//! use micro::conformance::{Row, Suite, registry};
//! # use micro::registry::MemoryRegistry as AcmeRegistry;
//!
//! fn main() -> ExitCode {
//!     let acme = Row::new("acme", || async {
//!         let registry = || Arc::new(AcmeRegistry::new());
//!         registry::Ends::new(registry(), registry())
//!     });
//!     Suite::default().registry(acme).run()
//! }
//! ```
//!
//! `cargo test` then prints a table of what holds, and fails if a line is broken. `cargo test -- acme` runs the rows and
//! lines whose words contain `acme`.
//!
//! A backend that cannot keep a line says so in its capabilities, and the table shows it; lines of which nothing is declared
//! must hold. Lines about a server that is stopped, emptied or hung run where a row brings such a [`Server`].

pub mod broker;
pub mod registry;
mod row;
mod suite;
mod table;
pub mod transport;

use std::time::Duration;

use async_trait::async_trait;

pub use row::{Line, Row};
pub use suite::Suite;

use crate::error::{Error, Result};

const ID: &str = "micro.conformance";

/// What is waited for comes much sooner, or the check fails.
const SOON: Duration = Duration::from_secs(20);

/// The same for a server that starts, which may have to find out who leads what.
const BACK: Duration = Duration::from_secs(60);

/// The server of a backend, in the hands of a check.
#[async_trait]
pub trait Server: Send + Sync {
    /// Ends it as a crash would.
    fn stop(&mut self);

    /// Starts it again with what it had, and waits until it answers.
    async fn restart(&mut self);

    /// Starts it again with nothing, and waits until it answers.
    async fn restart_empty(&mut self);

    /// Has it do nothing, as if it hung, until it is [resumed](Self::resume).
    fn pause(&self);

    /// Has it go on.
    fn resume(&self);
}

/// What comes of `attempt` once it succeeds, after a server was started. That is another process, so that there is nothing to
/// await but time.
async fn eventually<T>(what: &str, mut attempt: impl AsyncFnMut() -> Result<T>) -> Result<T> {
    let mut pace = tokio::time::interval(Duration::from_millis(100));
    let mut last = None;
    let outcome = within(BACK, what, async {
        loop {
            pace.tick().await;
            match attempt().await {
                Ok(outcome) => return outcome,
                Err(error) => last = Some(error),
            }
        }
    });
    match (outcome.await, last) {
        (Err(error), Some(last)) => Err(error.with_source(last)),
        (outcome, _) => outcome,
    }
}

/// The server that a row was made with.
fn take(server: &mut Option<Box<dyn Server>>) -> Result<Box<dyn Server>> {
    let server = server.take();
    server.ok_or_else(|| Error::internal(ID, "a row was made with a server, and brings none"))
}

/// What comes of `future`, if it comes soon.
async fn soon<T>(what: &str, future: impl Future<Output = T>) -> Result<T> {
    within(SOON, what, future).await
}

async fn within<T>(limit: Duration, what: &str, future: impl Future<Output = T>) -> Result<T> {
    let outcome = tokio::time::timeout(limit, future).await;
    outcome.map_err(|_| Error::internal(ID, format!("{what} did not come within {limit:?}")))
}
