//! `grpc.health.v1.Health`: what orchestrators and balancers ask by gRPC, with the answer of `GET /health/ready`.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use prost::encoding::int32;
use tokio::time::{Interval, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::{STRING, message};
use crate::codec::{Fault, Format, Input, Kind, Member, ProtoFile, Rpc, Schema, Shape, WireType};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::server::definition::Definition;
use crate::server::handler::{server_streaming_as, unary_as};
use crate::server::health::Health;
use crate::server::stream::Emitter;

const PACKAGE: &str = "grpc.health.v1";

/// How often a watcher looks; a stopping server lingers longer.
const EVERY: Duration = Duration::from_secs(1);

const SERVING: i32 = 1;
const NOT_SERVING: i32 = 2;
const SERVICE_UNKNOWN: i32 = 3;

const REQUEST: Format<Bytes> = Format::opaque(HealthCheckRequest::schema);
const REPLY: Format<Bytes> = Format::opaque(HealthCheckResponse::schema);

message! {
    HealthCheckRequest {
        service = 1: STRING;
    }
}

message! {
    HealthCheckResponse {
        status = 1: Kind::Named(ServingStatus::schema);
    }
}

enum ServingStatus {}

impl ServingStatus {
    fn schema() -> Schema {
        let values = vec![
            ("UNKNOWN", 0),
            ("SERVING", SERVING),
            ("NOT_SERVING", NOT_SERVING),
            ("SERVICE_UNKNOWN", SERVICE_UNKNOWN),
        ];
        Schema::of::<Self>("ServingStatus", Shape::Enum(values)).bare()
    }
}

/// The proto file of it.
pub(super) fn file() -> ProtoFile {
    let rpc = Rpc::new(&REQUEST, &REPLY);
    ProtoFile::new(PACKAGE)
        .method("Health.Check", rpc)
        .method("Health.Watch", rpc.streams(false, true))
}

/// The service of it, for services of these `names`, all of the state `health`.
pub(super) fn definition(
    names: HashSet<String>,
    health: &Health,
    leaving: &CancellationToken,
) -> Definition {
    let names = Arc::new(names);
    let (own, known) = (health.clone(), Arc::clone(&names));
    let check = move |_: Context, request: Bytes| {
        let (health, known) = (own.clone(), Arc::clone(&known));
        async move {
            let service = service(&request)?;
            if !known.contains(&service) {
                let detail = super::missing(&service);
                return Err(Error::not_found(PACKAGE, detail));
            }
            Ok::<_, Error>(reply(state(Some(&health)).await))
        }
    };
    let (own, leaving) = (health.clone(), leaving.clone());
    let watch = move |_: Context, request: Bytes, replies: Emitter<Bytes>| {
        let states = service(&request).map(|service| {
            let health = names.contains(&service).then(|| own.clone());
            states(health).take_until(leaving.clone().cancelled_owned())
        });
        async move { replies.drive(states).await }
    };
    Definition::new(PACKAGE)
        .endpoint("Health.Check", unary_as(REQUEST, REPLY, check).idempotent())
        .endpoint("Health.Watch", server_streaming_as(REQUEST, REPLY, watch))
}

/// The name of the service that is asked about.
fn service(request: &[u8]) -> Result<String> {
    let read = || -> Result<String, Fault> {
        let (mut input, mut service) = (Input::new(request), String::new());
        while let Some((tag, wire)) = input.key()? {
            match (tag, wire) {
                (1, WireType::LengthDelimited) => {
                    service = String::from_utf8_lossy(input.bytes()?).into_owned();
                }
                _ => input.skip(tag, wire)?,
            }
        }
        Ok(service)
    };
    read().map_err(|fault| Error::bad_request(PACKAGE, fault.to_string()))
}

/// What is said of a service of this state; `None` is one that is not here.
async fn state(health: Option<&Health>) -> i32 {
    match health {
        None => SERVICE_UNKNOWN,
        Some(health) if health.is_ready().await => SERVING,
        Some(_) => NOT_SERVING,
    }
}

fn reply(state: i32) -> Bytes {
    let mut reply = Vec::new();
    int32::encode(1, &state, &mut reply);
    reply.into()
}

/// What is said of it, and again whenever that changes.
fn states(health: Option<Health>) -> impl Stream<Item = Result<Bytes>> {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let watch = Watch {
        health,
        ticks,
        told: None,
    };
    stream::unfold(watch, Watch::next)
}

struct Watch {
    health: Option<Health>,
    ticks: Interval,
    told: Option<i32>,
}

impl Watch {
    async fn next(mut self) -> Option<(Result<Bytes>, Self)> {
        loop {
            self.ticks.tick().await;
            let state = state(self.health.as_ref()).await;
            if self.told.replace(state) != Some(state) {
                return Some((Ok(reply(state)), self));
            }
        }
    }
}
