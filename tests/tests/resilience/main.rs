//! What keeps one slow or failing node from being everybody's.

mod breaker;
mod concurrency;
mod ejection;
mod hedging;
mod rate;
mod tower_layers;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use micro::prelude::*;
use micro::selector::RoundRobinSelector;
use micro::{Builder, Error, Running};
use tests::System;
use tokio::time::sleep;

const MS: Duration = Duration::from_millis(1);
const HOUR: Duration = Duration::from_secs(3600);

/// What nodes of `shop` have seen.
#[derive(Clone, Default)]
struct Seen {
    begun: Arc<AtomicU32>,
    running: Arc<AtomicU32>,
}

impl Seen {
    fn begun(&self) -> u32 {
        self.begun.load(Ordering::Relaxed)
    }

    fn running(&self) -> u32 {
        self.running.load(Ordering::Relaxed)
    }

    fn run(&self) -> Run {
        self.begun.fetch_add(1, Ordering::Relaxed);
        self.running.fetch_add(1, Ordering::Relaxed);
        Run(self.clone())
    }
}

/// A handler at work.
struct Run(Seen);

impl Drop for Run {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A node of `shop` that takes `delay`, and answers its name, or fails with a code.
async fn shop(
    system: &System,
    node: &'static str,
    delay: Duration,
    code: Option<u16>,
    seen: &Seen,
) -> Running {
    let seen = seen.clone();
    let buy = unary(move |_: Context, _: Plain<()>| {
        let run = seen.run();
        async move {
            sleep(delay).await;
            drop(run);
            match code {
                Some(code) => Err(Error::new(code, "shop", "not today")),
                None => Ok(Plain(node.to_owned())),
            }
        }
    });
    let service = system.builder("shop").id(node).build().await.unwrap();
    let service = service.endpoint("Shop.Buy", buy.idempotent());
    service.start().await.unwrap()
}

/// Asserts that the guide prints what is said.
#[track_caller]
fn printed(error: &Error) {
    let guide = include_str!("../../../micro/src/docs/resilience.md");
    let line = error.to_string();
    assert!(guide.lines().any(|own| own == line), "{line}");
}

/// One that calls the nodes in turn, `a` first.
fn in_turn(system: &System) -> Builder {
    system.builder("client").selector(RoundRobinSelector)
}

fn buy(client: &micro::Service) -> micro::Call<Plain<String>> {
    client.client().call("shop", "Shop.Buy", &Plain(()))
}
