//! `Debug.Health` and `Debug.Stats`: what every node answers about itself, never announced.
//!
//! Field names are go-micro v1's; tools of every generation call `Debug.Health`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::definition::Definition;
use super::handler::unary;
use crate::codec::Plain;
use crate::context::Context;
use crate::error::Error;

/// Counts of one server since it was started.
#[derive(Debug)]
pub(crate) struct Stats {
    started: SystemTime,
    clock: Instant,
    requests: AtomicU64,
    errors: AtomicU64,
}

/// One call that was counted.
pub(super) struct Counted<'a>(&'a Stats);

impl Stats {
    pub(crate) fn new() -> Self {
        Self {
            started: SystemTime::now(),
            clock: Instant::now(),
            requests: AtomicU64::new(0),
            errors: AtomicU64::new(0),
        }
    }

    pub(super) fn count(&self) -> Counted<'_> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        Counted(self)
    }
}

impl Counted<'_> {
    pub(super) fn failed(self) {
        self.0.errors.fetch_add(1, Ordering::Relaxed);
    }
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct HealthRequest {
    service: String,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Health {
    status: String,
}

/// Seconds but for `gc`, bytes for `memory`; `gc` is always 0: there is no collector.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct StatsReply {
    timestamp: u64,
    started: u64,
    uptime: u64,
    memory: u64,
    threads: u64,
    gc: u64,
    requests: u64,
    errors: u64,
}

/// The debug endpoints of a server with these counts, under `service`.
pub(crate) fn definition(service: &str, stats: Arc<Stats>) -> Definition {
    let health = async |_: Context, _: Plain<HealthRequest>| {
        Ok::<_, Error>(Plain(Health {
            status: "ok".to_owned(),
        }))
    };
    let stats = move |_: Context, _: Plain<HealthRequest>| {
        let reply = report(&stats);
        async move { Ok::<_, Error>(Plain(reply)) }
    };
    Definition::new(service.to_owned())
        .endpoint("Debug.Health", unary(health).idempotent())
        .endpoint("Debug.Stats", unary(stats).idempotent())
}

fn report(stats: &Stats) -> StatsReply {
    let seconds = |time: SystemTime| {
        time.duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_secs()
    };
    let (memory, threads) = process();
    StatsReply {
        timestamp: seconds(SystemTime::now()),
        started: seconds(stats.started),
        uptime: stats.clock.elapsed().as_secs(),
        memory,
        threads,
        gc: 0,
        requests: stats.requests.load(Ordering::Relaxed),
        errors: stats.errors.load(Ordering::Relaxed),
    }
}

/// Resident bytes and threads of this process; zeros where the system has no `/proc`.
fn process() -> (u64, u64) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let number = |key: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(key));
        line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok())
            .unwrap_or(0)
    };
    (number("VmRSS:") * 1024, number("Threads:"))
}
