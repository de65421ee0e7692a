//! What a node asks of a request by its record: the form, and the time.

use std::time::Duration;

use tokio::time::Instant;

use super::ID;
use super::call::Plan;
use super::window::Window;
use crate::codec::envelope::{self, Envelope};
use crate::codec::{Message, Plain};
use crate::error::{Error, Result};
use crate::message::{Body, ContentType, Request};
use crate::phase::Course;
use crate::registry::{Candidate, Service};
use crate::transport::Channel;

/// Has the node tell of the endpoint called, if its record had no room for it.
///
/// If it does not, the call goes on with what is known: the node is then about to say more.
pub(super) async fn complete(
    channel: &dyn Channel,
    candidate: &Candidate,
    endpoint: &str,
    window: Window,
) {
    let ask = || async {
        let mut ask = Request::new(candidate.service.to_string(), "Debug.Describe");
        ask.body = Body::Bytes("null".into());
        ask.deadline = window.until.map(Instant::into_std);
        let reply = match channel.call(ask).await {
            // It is of another make, which has no more to tell; go-micro says so as 500, servers of gRPC as 501.
            Err(error) if error.is_downstream() && matches!(error.code(), 404 | 500 | 501) => {
                return Ok(Vec::new());
            }
            reply => reply?,
        };
        let body = reply.body.into_bytes()?;
        let Plain(record) = Plain::<Service>::format().decode(&reply.content_type, &body)?;
        Ok(record.endpoints)
    };
    // It may be another call that asks, with more time than this one.
    let mut course = Course::new(window.begun);
    let asked = window.bound(&mut course, candidate.complete(endpoint, ask));
    match asked.await {
        Some(Ok(_)) => {}
        Some(Err(error)) => {
            tracing::debug!(%error, node = candidate.node.id, "a partial record is not completed");
        }
        None => {
            tracing::debug!(
                node = candidate.node.id,
                "a partial record is not completed in time"
            );
        }
    }
}

/// Has `request` written as the client's `own` content type if the payload can be, else as the payload's first; sealed,
/// if that is the name of an envelope.
///
/// What is called by its address alone may be of any make, and unless told otherwise is written to in a form that all of
/// them take, if there is one.
pub(super) fn prefer(request: &mut Request, plan: &Plan, own: &ContentType) {
    let told = envelope::find(own, false);
    request.accept = told.map(|_| own.clone());
    let own = told.map_or_else(|| own.clone(), Envelope::inner);
    let by_all = plan.address.is_some() && told.is_none();
    let is_taken = |one: &ContentType| !by_all || TAKEN_BY_ALL.contains(one);
    let first = |wanted: &dyn Fn(&ContentType) -> bool| plan.payload.content_type(wanted);
    request.content_type = first(&|one| *one == own && is_taken(one))
        .or_else(|| first(&|one| by_all && is_taken(one)))
        .or_else(|| first(&|one| *one == own))
        .or_else(|| first(&|_| true))
        .unwrap_or_else(|| own.clone());
}

/// Makes `request` what `candidate` takes, in the form and in the time that it announced.
///
/// # Errors
///
/// `unsupported`, as never reached, if it cannot be written in a form that the node takes.
pub(super) fn fit(
    request: &mut Request,
    plan: Option<&mut Plan>,
    candidate: &Candidate,
    begun: Instant,
) -> Result<()> {
    // A node may ask for less time than the caller allows, never for more.
    let announced = candidate
        .endpoint(&request.endpoint)
        .and_then(|endpoint| endpoint.metadata.get("timeout"))
        .and_then(|text| text.parse().ok());
    let until = announced.and_then(|nanos| begun.checked_add(Duration::from_nanos(nanos)));
    if let Some(until) = until {
        request.deadline = request.deadline.map(|own| own.min(until.into_std()));
    }
    let told = request.accept.as_ref();
    if takes(candidate, &request.endpoint, &request.content_type, told) {
        return Ok(());
    }
    let Some(plan) = plan.filter(|plan| plan.is_original(&request.body)) else {
        return Err(mismatch(request, "a wrapper changed the body"));
    };
    let taken = |own: &ContentType| takes(candidate, &request.endpoint, own, told);
    let Some(other) = plan.payload.content_type(&taken) else {
        let why = "the message cannot be written as anything it takes";
        return Err(mismatch(request, why));
    };
    request.body = plan.encode(&other)?;
    request.content_type = other;
    Ok(())
}

/// What nodes of any make take.
const TAKEN_BY_ALL: [ContentType; 2] = [ContentType::PROTOBUF, ContentType::JSON];

/// True if the node says that it takes `content_type`; nodes of go-micro say nothing, and take what they were told to,
/// which so is the client.
fn takes(
    candidate: &Candidate,
    endpoint: &str,
    content_type: &ContentType,
    told: Option<&ContentType>,
) -> bool {
    let listed = candidate
        .endpoint(endpoint)
        .and_then(|endpoint| endpoint.metadata.get("content_types"));
    match listed {
        Some(types) => types.split(',').any(|own| own == content_type.as_str()),
        None => TAKEN_BY_ALL.contains(content_type) || envelope::told(told, content_type).is_some(),
    }
}

fn mismatch(request: &Request, why: &str) -> Error {
    let detail = format!(
        "{} does not take {}, and {why}",
        request.endpoint, request.content_type
    );
    Error::unsupported(ID, detail).never_reached()
}
