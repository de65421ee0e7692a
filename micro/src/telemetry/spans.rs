//! The spans of calls and messages, named as OpenTelemetry's conventions have it.
//!
//! Made only if somebody listens: otherwise each of these is one comparison.

use std::sync::Arc;

use tracing::field::Empty;
use tracing::{Level, Span, debug_span};

use super::{OTHER, otlp};
use crate::broker::Delivery;
use crate::context::Context;
use crate::message::Request;
use crate::metadata::{ATTEMPT, Metadata};
use crate::peer::Peer;
use crate::trace::{PARENT, STATE, Trace, Traced};

/// What filters know the spans by.
pub(super) const TARGET: &str = "micro::rpc";

/// True if somebody listens to spans.
pub(super) fn is_on() -> bool {
    tracing::span_enabled!(target: TARGET, Level::DEBUG)
}

/// The span of a call that is made; the trace goes with the request.
pub(super) fn call(request: &mut Request) -> Option<Arc<Traced>> {
    let (trace, parent) = outgoing(request);
    let span = debug_span!(
        target: TARGET,
        "call",
        otel.name = %format_args!("{}/{}", request.service, request.endpoint),
        otel.kind = "client",
        otel.status_code = Empty,
        rpc.system = "micro",
        rpc.service = &*request.service,
        rpc.method = &*request.endpoint,
        server.address = Empty,
        attempt = Empty,
        hedged = Empty,
        "error.type" = Empty,
        trace_id = %format_args!("{:032x}", trace.id),
        span_id = %format_args!("{:016x}", trace.span),
    );
    sent(span, trace, parent, request)
}

/// The span of a call that is answered by what was `found`, the service and the endpoint.
pub(super) fn serve(found: Option<(&str, &str)>, request: &Request) -> Option<Arc<Traced>> {
    let (service, endpoint) = found.unwrap_or((&request.service, &request.endpoint));
    // Any caller can say the name of what is not there.
    let name = found.map_or_else(
        || OTHER.to_owned(),
        |(service, endpoint)| format!("{service}/{endpoint}"),
    );
    let (trace, parent) = incoming(&request.metadata);
    let attempt = request.metadata.get(ATTEMPT);
    let attempt: u32 = attempt.and_then(|number| number.parse().ok()).unwrap_or(1);
    let span = debug_span!(
        target: TARGET,
        parent: None,
        "serve",
        otel.name = %name,
        otel.kind = "server",
        otel.status_code = Empty,
        rpc.system = "micro",
        rpc.service = service,
        rpc.method = endpoint,
        client.address = request.peer.as_ref().map(Peer::address),
        attempt,
        "error.type" = Empty,
        trace_id = %format_args!("{:032x}", trace.id),
        span_id = %format_args!("{:016x}", trace.span),
        parent_id = Empty,
    );
    record_parent(&span, parent);
    let trace = otlp::adopt(&span, trace, parent, true);
    traced(span, trace)
}

/// The span of a message that is published; the trace goes with it.
pub(super) fn publish(request: &mut Request) -> Option<Arc<Traced>> {
    let (trace, parent) = outgoing(request);
    let span = debug_span!(
        target: TARGET,
        "publish",
        otel.name = %format_args!("send {}", request.endpoint),
        otel.kind = "producer",
        otel.status_code = Empty,
        messaging.system = "micro",
        messaging.operation.name = "send",
        messaging.destination.name = &*request.endpoint,
        "error.type" = Empty,
        trace_id = %format_args!("{:032x}", trace.id),
        span_id = %format_args!("{:016x}", trace.span),
    );
    sent(span, trace, parent, request)
}

/// The span of a message that is handled by one of `group`, or by all.
pub(super) fn handle(group: Option<&str>, delivery: &Delivery) -> Option<Arc<Traced>> {
    let (trace, parent) = incoming(&delivery.message.metadata);
    let topic = &*delivery.topic;
    let span = debug_span!(
        target: TARGET,
        parent: None,
        "handle",
        otel.name = %format_args!("process {topic}"),
        otel.kind = "consumer",
        otel.status_code = Empty,
        messaging.system = "micro",
        messaging.operation.name = "process",
        messaging.destination.name = topic,
        messaging.consumer.group.name = group,
        attempt = delivery.attempt,
        "error.type" = Empty,
        trace_id = %format_args!("{:032x}", trace.id),
        span_id = %format_args!("{:016x}", trace.span),
        parent_id = Empty,
    );
    record_parent(&span, parent);
    let trace = otlp::adopt(&span, trace, parent, true);
    traced(span, trace)
}

/// Says in the span of the call being made which attempt goes where; the last one stays.
pub(super) fn attempt(address: &str, number: u32) {
    let span = Span::current();
    span.record("server.address", address);
    span.record("attempt", number);
}

/// Says in the span of the call being made that two nodes are at it.
pub(super) fn hedged() {
    Span::current().record("hedged", true);
}

/// Says in the span how its call failed.
pub(super) fn failed(span: &Span, code: u16) {
    span.record("otel.status_code", "ERROR");
    span.record("error.type", code);
}

/// The span of what goes out with `request`, which names it to the far end.
fn sent(
    span: Span,
    trace: Trace,
    parent: Option<Trace>,
    request: &mut Request,
) -> Option<Arc<Traced>> {
    let trace = otlp::adopt(&span, trace, parent, false);
    request.metadata.set(PARENT, &trace.to_string());
    traced(span, trace)
}

fn traced(span: Span, trace: Trace) -> Option<Arc<Traced>> {
    (!span.is_disabled()).then(|| Arc::new(Traced { span, trace }))
}

fn record_parent(span: &Span, parent: Option<Trace>) {
    if let Some(parent) = parent {
        span.record(
            "parent_id",
            tracing::field::display(format_args!("{:016x}", parent.span)),
        );
    }
}

/// The hop of a call that is made, and the one that it comes from: of the handler's trace, unless the caller named another.
fn outgoing(request: &mut Request) -> (Trace, Option<Trace>) {
    let named = request.metadata.get(PARENT).and_then(Trace::read);
    let served = request.context.traced().map(|traced| traced.trace);
    let is_detached = served.is_none() && Context::current().is_some();
    let here = if is_detached {
        None
    } else {
        otlp::current().or(served)
    };
    let parent = match (named, here) {
        (Some(named), Some(here)) if named.id != here.id => Some(named),
        (named, here) => here.or(named),
    };
    if named.is_none() {
        // It belongs to a trace that is not this one.
        request.metadata.remove(STATE);
    }
    (parent.map_or_else(Trace::begin, Trace::next), parent)
}

/// The hop of a call that is answered, and the one that it came from.
fn incoming(metadata: &Metadata) -> (Trace, Option<Trace>) {
    let parent = metadata.get(PARENT).and_then(Trace::read);
    (parent.map_or_else(Trace::begin, Trace::next), parent)
}
