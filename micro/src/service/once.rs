//! A service that exits after one request, or one event.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::{mpsc, watch};

use super::Service;
use super::lifecycle::Signals;
use crate::error::{Error, Result};
use crate::server::{Definition, Leave};

/// Registers, takes one request or event, deregisters, runs it, and returns; a signal before that ends it too.
pub(super) async fn run(mut service: Service) -> Result<()> {
    let mut signals = Signals::new()?;
    let (turn, mut events) = Turn::new();
    let name = service.name.to_string();
    service.definitions = service
        .definitions
        .into_iter()
        .map(|own| turn.gate(own))
        .collect();
    let mut running = service.start().await?;
    tokio::select! {
        _ = events.taken.recv() => {}
        signal = signals.next() => {
            tracing::info!("{signal} before any request: stopping; a second signal ends at once");
            signals.allow(running.stop()).await;
            return Ok(());
        }
    }
    // Before the handler runs: nobody who looks now must find this node.
    running.leave().await;
    turn.begin();
    let left = tokio::select! {
        left = events.left.recv() => left,
        signal = signals.next() => {
            tracing::info!("{signal}: stopping when it is done; a second signal ends at once");
            None
        }
    };
    signals.allow(running.finish()).await;
    let left = left.or_else(|| events.left.try_recv().ok());
    match left.unwrap_or_else(|| Some("a signal cut it short".to_owned())) {
        None => Ok(()),
        Some(failure) => {
            let detail = format!("the function failed: {failure}");
            Err(Error::internal(name, detail))
        }
    }
}

/// Who may run, and since when.
#[derive(Clone)]
struct Turn(Arc<Inner>);

struct Inner {
    taken: AtomicBool,
    taking: mpsc::Sender<()>,
    begun: watch::Sender<bool>,
    leaving: mpsc::Sender<Option<String>>,
}

/// What the one run has to tell.
struct Events {
    taken: mpsc::Receiver<()>,
    left: mpsc::Receiver<Option<String>>,
}

impl Turn {
    fn new() -> (Self, Events) {
        let (taking, taken) = mpsc::channel(1);
        let (leaving, left) = mpsc::channel(1);
        let (begun, _) = watch::channel(false);
        let inner = Inner {
            taken: AtomicBool::new(false),
            taking,
            begun,
            leaving,
        };
        (Self(Arc::new(inner)), Events { taken, left })
    }

    /// `definition`, whose handlers run once in all.
    fn gate(&self, definition: Definition) -> Definition {
        let turn = self.clone();
        definition.gated(move || turn.clone().enter())
    }

    fn enter(self) -> BoxFuture<'static, Result<Leave>> {
        if self.0.taken.swap(true, Ordering::AcqRel) {
            let refused = Error::unavailable(
                "micro.function",
                "the function has been taken by another caller",
            )
            .never_reached();
            return std::future::ready(Err(refused)).boxed();
        }
        // Made before the wait: the caller may leave during it.
        let run = Run(self.0.leaving.clone());
        async move {
            let mut begun = self.0.begun.subscribe();
            let _ = self.0.taking.try_send(());
            begun.wait_for(|begun| *begun).await.map_err(|_| {
                Error::unavailable("micro.function", "the function is ending").never_reached()
            })?;
            let leave: Leave = Box::new(move |failure| run.end(failure));
            Ok(leave)
        }
        .boxed()
    }

    fn begin(&self) {
        self.0.begun.send_replace(true);
    }
}

/// The one run. There is room for one word on how it ended: the first counts.
struct Run(mpsc::Sender<Option<String>>);

impl Run {
    fn end(&self, failure: Option<&Error>) {
        let _ = self.0.try_send(failure.map(ToString::to_string));
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let why = "it panicked, its time ran out, or its caller left";
        let _ = self.0.try_send(Some(why.to_owned()));
    }
}
