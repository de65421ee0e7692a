//! What a program has run when its service starts and stops.

use std::fmt;
use std::future::Future;
use std::sync::{Mutex, PoisonError};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::error::Result;

type Start = Box<dyn FnOnce() -> BoxFuture<'static, Result<()>> + Send>;
type Stop = Box<dyn FnOnce() -> BoxFuture<'static, ()> + Send>;

/// Hooks by when they run. The mutex is never locked: it lets a service be shared whose hooks cannot be.
#[derive(Default)]
pub(super) struct Hooks(Mutex<Lists>);

/// Each in the order in which they were added.
#[derive(Default)]
struct Lists {
    before_start: Vec<Start>,
    after_start: Vec<Start>,
    before_stop: Vec<Stop>,
    after_stop: Vec<Stop>,
}

impl Hooks {
    fn lists(&mut self) -> &mut Lists {
        self.0.get_mut().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn add_before_start<F, Fut>(&mut self, hook: F)
    where
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = Result<()>> + Send + 'static,
    {
        self.lists()
            .before_start
            .push(Box::new(move || hook().boxed()));
    }

    pub(super) fn add_after_start<F, Fut>(&mut self, hook: F)
    where
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = Result<()>> + Send + 'static,
    {
        self.lists()
            .after_start
            .push(Box::new(move || hook().boxed()));
    }

    pub(super) fn add_before_stop<F, Fut>(&mut self, hook: F)
    where
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.lists()
            .before_stop
            .push(Box::new(move || hook().boxed()));
    }

    pub(super) fn add_after_stop<F, Fut>(&mut self, hook: F)
    where
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.lists()
            .after_stop
            .push(Box::new(move || hook().boxed()));
    }

    pub(super) async fn before_start(&mut self) -> Result<()> {
        start(&mut self.lists().before_start).await
    }

    pub(super) async fn after_start(&mut self) -> Result<()> {
        start(&mut self.lists().after_start).await
    }

    pub(super) async fn before_stop(&mut self) {
        stop(&mut self.lists().before_stop).await;
    }

    pub(super) async fn after_stop(&mut self) {
        stop(&mut self.lists().after_stop).await;
    }
}

/// Runs each once; the first that fails ends it.
async fn start(hooks: &mut Vec<Start>) -> Result<()> {
    for hook in std::mem::take(hooks) {
        hook().await?;
    }
    Ok(())
}

async fn stop(hooks: &mut Vec<Stop>) {
    for hook in std::mem::take(hooks) {
        hook().await;
    }
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hooks")
    }
}
