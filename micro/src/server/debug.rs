//! `Debug.Health`, `Debug.Stats` and `Debug.Describe`: what every node answers about itself, never announced.
//!
//! Names and numbers of fields are go-micro v1's, but for callers that speak as v0 does, which had other numbers; tools
//! of every generation call `Debug.Health`. `Debug.Describe` is ours: callers ask it for the endpoints that a record had no room for.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use bytes::{Buf, BufMut};
use prost::DecodeError;
use prost::encoding::{self, DecodeContext, WireType};
use serde::{Deserialize, Serialize};

use super::definition::Definition;
use super::handler::{unary, unary_as};
use crate::codec::{Format, Plain};
use crate::context::Context;
use crate::error::Error;
use crate::registry::{Endpoint, Service};

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

/// Writes a message and its form in protobuf, by hand since the attribute is a feature.
macro_rules! message {
    ($(#[$doc:meta])* $message:ident { $($field:ident: $type:ty = $tag:literal $kind:ident,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
        #[serde(default)]
        struct $message {
            $($field: $type,)*
        }

        impl prost::Message for $message {
            fn encode_raw(&self, buffer: &mut impl BufMut) {
                $(if self.$field != <$type>::default() {
                    encoding::$kind::encode($tag, &self.$field, buffer);
                })*
            }

            fn merge_field(
                &mut self,
                tag: u32,
                wire: WireType,
                buffer: &mut impl Buf,
                context: DecodeContext,
            ) -> Result<(), DecodeError> {
                match tag {
                    $($tag => encoding::$kind::merge(wire, &mut self.$field, buffer, context),)*
                    _ => encoding::skip_field(wire, tag, buffer, context),
                }
            }

            fn encoded_len(&self) -> usize {
                let mut length = 0;
                $(if self.$field != <$type>::default() {
                    length += encoding::$kind::encoded_len($tag, &self.$field);
                })*
                length
            }

            fn clear(&mut self) {
                *self = Self::default();
            }
        }
    };
}

message! {
    HealthRequest {
        service: String = 1 string,
    }
}

message! {
    Health {
        status: String = 1 string,
    }
}

message! {
    /// Seconds but for `gc`, bytes for `memory`; `gc` is always 0: there is no collector.
    StatsReply {
        timestamp: u64 = 1 uint64,
        started: u64 = 2 uint64,
        uptime: u64 = 3 uint64,
        memory: u64 = 4 uint64,
        threads: u64 = 5 uint64,
        gc: u64 = 6 uint64,
        requests: u64 = 7 uint64,
        errors: u64 = 8 uint64,
    }
}

message! {
    /// The same as v0 knows it.
    OldStatsReply {
        started: u64 = 1 uint64,
        uptime: u64 = 2 uint64,
        memory: u64 = 3 uint64,
        threads: u64 = 4 uint64,
        gc: u64 = 5 uint64,
    }
}

impl From<StatsReply> for OldStatsReply {
    fn from(reply: StatsReply) -> Self {
        Self {
            started: reply.started,
            uptime: reply.uptime,
            memory: reply.memory,
            threads: reply.threads,
            gc: reply.gc,
        }
    }
}

/// The debug endpoints of a server with these counts, under `service`, which has these endpoints.
pub(crate) fn definition(service: &str, stats: Arc<Stats>, endpoints: Vec<Endpoint>) -> Definition {
    let asked = Format::<HealthRequest>::prost_and_serde;
    let health = async |_: Context, _: HealthRequest| {
        Ok::<_, Error>(Health {
            status: "ok".to_owned(),
        })
    };
    let counts = Arc::clone(&stats);
    let old_stats = move |_: Context, _: HealthRequest| {
        let reply = OldStatsReply::from(report(&counts));
        async move { Ok::<_, Error>(reply) }
    };
    let stats = move |_: Context, _: HealthRequest| {
        let reply = report(&stats);
        async move { Ok::<_, Error>(reply) }
    };
    let health = unary_as(asked(), Format::prost_and_serde(), health);
    let old_stats = unary_as(asked(), Format::prost_and_serde(), old_stats);
    let stats = unary_as(asked(), Format::prost_and_serde(), stats).or_for_bare(old_stats);
    let record = Service {
        name: service.to_owned(),
        endpoints,
        ..Service::default()
    };
    let describe = unary(move |_: Context, _: Plain<()>| {
        let record = Plain(record.clone());
        async move { Ok::<_, Error>(record) }
    });
    Definition::new(service.to_owned())
        .endpoint("Debug.Describe", describe.idempotent())
        .endpoint("Debug.Health", health.idempotent())
        .endpoint("Debug.Stats", stats.idempotent())
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
