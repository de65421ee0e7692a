//! From start to stop, and the signals between.

use std::fmt;
use std::future::Future;

use super::Service;
use super::hooks::Hooks;
use crate::error::{Error, Result};
use crate::server::Server;
use crate::telemetry::otlp;

/// A service that is being served. Dropping it ends everything at once, registered or not, and runs no hooks.
pub struct Running {
    server: Server,
    hooks: Hooks,
}

impl Running {
    pub(super) fn new(server: Server, hooks: Hooks) -> Self {
        Self { server, hooks }
    }

    /// Where it listens, with the real port.
    pub fn address(&self) -> &str {
        self.server.address()
    }

    /// Stops in order: deregisters, goes on answering for the linger time, refuses new calls, waits for those in
    /// flight up to the drain limit, and closes. Hooks run before and after all that.
    ///
    /// Dropping the future ends everything at once.
    pub async fn stop(mut self) {
        self.server.unready();
        self.hooks.before_stop().await;
        self.server.stop().await;
        self.hooks.after_stop().await;
        otlp::flush().await;
    }

    /// The first half of a stop without lingering: nobody who looks now finds this node.
    pub(super) async fn leave(&mut self) {
        self.server.unready();
        self.hooks.before_stop().await;
        self.server.leave().await;
    }

    /// The second half: waits for what runs, and closes.
    pub(super) async fn finish(mut self) {
        self.server.finish().await;
        self.hooks.after_stop().await;
        otlp::flush().await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.server.close();
    }
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Running")
            .field("address", &self.address())
            .finish_non_exhaustive()
    }
}

/// Serves until a signal comes, or `end` does.
pub(super) async fn run(service: Service, end: impl Future<Output = ()>) -> Result<()> {
    // Before the start: a signal during it is not lost.
    let mut signals = Signals::new()?;
    let running = tokio::select! {
        running = service.start() => running?,
        signal = signals.next() => {
            tracing::info!("{signal} before the service was up: ended");
            return Ok(());
        }
    };
    tokio::select! {
        signal = signals.next() => {
            tracing::info!("{signal}: stopping; a second signal ends at once");
        }
        () = end => tracing::info!("stopping; a signal ends at once"),
    }
    signals.allow(running.stop()).await;
    Ok(())
}

/// SIGTERM and Ctrl-C, as they come.
pub(crate) struct Signals {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    pub(crate) fn new() -> Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};

        let listen = |kind| signal(kind).map_err(deaf);
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
        })
    }

    pub(crate) async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "interrupt",
        }
    }
}

#[cfg(not(unix))]
impl Signals {
    pub(crate) fn new() -> Result<Self> {
        Ok(Self {})
    }

    pub(crate) async fn next(&mut self) -> &'static str {
        if let Err(source) = tokio::signal::ctrl_c().await {
            tracing::error!("{}", deaf(source));
            std::future::pending::<()>().await;
        }
        "interrupt"
    }
}

impl Signals {
    /// Waits for `stopping`, or until there is another signal.
    pub(crate) async fn allow(&mut self, stopping: impl Future<Output = ()>) {
        tokio::select! {
            () = stopping => tracing::info!("stopped"),
            signal = self.next() => tracing::warn!("{signal} again: ended without waiting"),
        }
    }
}

fn deaf(source: std::io::Error) -> Error {
    Error::internal("micro.service", "signals cannot be listened to").with_source(source)
}
