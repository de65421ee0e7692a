//! What a node asks of a request by its record: the form, and the time.

use std::time::Duration;

use tokio::time::Instant;

use super::ID;
use super::call::Plan;
use crate::error::{Error, Result};
use crate::message::{ContentType, Request};
use crate::registry::Candidate;

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
    if takes(candidate, &request.endpoint, &request.content_type) {
        return Ok(());
    }
    let Some(plan) = plan.filter(|plan| plan.is_original(&request.body)) else {
        return Err(mismatch(request, "a wrapper changed the body"));
    };
    let taken = |own: &ContentType| takes(candidate, &request.endpoint, own);
    let Some(other) = plan.payload.content_type(&taken) else {
        let why = "the message cannot be written as anything it takes";
        return Err(mismatch(request, why));
    };
    request.body = plan.encode(&other)?;
    request.content_type = other;
    Ok(())
}

/// True if the node says that it takes `content_type`; nodes of go-micro say nothing, and take these two.
fn takes(candidate: &Candidate, endpoint: &str, content_type: &ContentType) -> bool {
    let listed = candidate
        .endpoint(endpoint)
        .and_then(|endpoint| endpoint.metadata.get("content_types"));
    match listed {
        Some(types) => types.split(',').any(|own| own == content_type.as_str()),
        None => [ContentType::PROTOBUF, ContentType::JSON].contains(content_type),
    }
}

fn mismatch(request: &Request, why: &str) -> Error {
    let detail = format!(
        "{} does not take {}, and {why}",
        request.endpoint, request.content_type
    );
    Error::unsupported(ID, detail).never_reached()
}
