//! Spans for a collector of OpenTelemetry: those of `telemetry`, and those that programs open themselves.
//!
//! A layer of the program's subscriber makes them of the spans of `tracing`, and lies still until a service that names a
//! collector is built. The spans of calls and messages keep the ids that travel, so that wire, logs and collector agree.

mod exporter;

use std::cell::Cell;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use opentelemetry::trace::{
    SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState, TracerProvider,
};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    BatchSpanProcessor, IdGenerator, RandomIdGenerator, SdkTracerProvider, Span as SdkSpan,
    SpanData, SpanProcessor,
};
use tokio::sync::oneshot;
use tokio::time::timeout;
use tracing::level_filters::LevelFilter;
use tracing::subscriber::Interest;
use tracing::{Metadata, Span, Subscriber};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context as LayerContext, Filter};
use tracing_subscriber::registry::LookupSpan;

use self::exporter::Exporter;
use super::spans::TARGET;
use crate::error::Result;
use crate::registry::Service;
use crate::trace::Trace;

/// How long a program that ends waits for the collector to take what is left.
const PATIENCE: Duration = Duration::from_secs(2);

/// The fields of our spans that say what a span of OpenTelemetry says anyway.
const IDS: [&str; 3] = ["trace_id", "span_id", "parent_id"];

/// The one export of the process: subscribers are global, too.
static EXPORT: OnceLock<Export> = OnceLock::new();

thread_local! {
    /// The hop whose span is being started.
    static NEXT: Cell<Option<Trace>> = const { Cell::new(None) };
}

struct Export {
    endpoint: String,
    queue: BatchSpanProcessor,
    /// The collector has let a program that ended wait in vain.
    is_given_up: AtomicBool,
}

/// Sends spans to the collector that a service of this process [names](crate::Builder::otlp_endpoint): a layer for
/// programs that set up a subscriber of their own. Programs that `#[micro::main]` runs have it.
///
/// Until a service names a collector, it takes no span. Then it takes those of calls and messages, and all others of
/// level info and above.
pub fn otlp_layer<S>() -> impl Layer<S>
where
    S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
{
    let provider = SdkTracerProvider::builder()
        .with_id_generator(Ids::default())
        .with_span_processor(Queue)
        .build();
    tracing_opentelemetry::layer()
        .with_tracer(provider.tracer("micro"))
        .with_location(false)
        .with_threads(false)
        .with_tracked_inactivity(false)
        .with_filter(Taken)
}

/// Begins to send spans to the collector at `endpoint`, as those of the service `name`.
///
/// # Errors
///
/// `bad_request` if that is no address of a collector.
pub(crate) fn begin(endpoint: &str, name: &str, version: &str, id: &str) -> Result<()> {
    exporter::identify(false, name, version, id);
    let exporter = Exporter::open(endpoint)?;
    let mut is_first = false;
    let export = EXPORT.get_or_init(|| {
        is_first = true;
        Export {
            endpoint: endpoint.to_owned(),
            queue: BatchSpanProcessor::builder(exporter).build(),
            is_given_up: AtomicBool::new(false),
        }
    });
    if !is_first {
        if export.endpoint != endpoint {
            tracing::warn!(
                "no spans go to {endpoint}: all of this process go to {}",
                export.endpoint
            );
        }
        return Ok(());
    }
    tracing::callsite::rebuild_interest_cache();
    if !tracing::dispatcher::get_default(|dispatch| dispatch.downcast_ref::<Taken>().is_some()) {
        tracing::warn!(
            "no spans go to {endpoint}: the program's subscriber lacks micro::telemetry::otlp_layer()"
        );
    }
    Ok(())
}

/// Says that what is sent comes from the node of the first of `services`, unless another was started before.
pub(crate) fn started(services: &[Service]) {
    if let [first, ..] = services
        && let [node, ..] = &*first.nodes
    {
        exporter::identify(true, &first.name, &first.version, &node.id);
    }
}

/// Waits until the collector has taken all spans that have ended, but not for long.
pub(crate) async fn flush() {
    let Some(export) = EXPORT.get() else { return };
    if export.is_given_up.load(Ordering::Relaxed) {
        return;
    }
    let (tell, told) = oneshot::channel();
    // It blocks for longer than is waited for, and must keep no runtime.
    let flushing = thread::Builder::new().spawn(move || {
        let _ = export.queue.force_flush();
        let _ = tell.send(());
    });
    if flushing.is_ok() && timeout(PATIENCE, told).await.is_err() {
        export.is_given_up.store(true, Ordering::Relaxed);
        tracing::warn!(
            "the last spans are lost: {} did not take them within {PATIENCE:?}",
            export.endpoint
        );
    }
}

/// Starts `span`, which is not entered yet, as the hop `trace` behind `parent`, and says whether it is sampled.
pub(super) fn adopt(span: &Span, trace: Trace, parent: Option<Trace>, is_remote: bool) -> Trace {
    if EXPORT.get().is_none() {
        return trace;
    }
    let behind = opentelemetry::Context::new();
    let behind = match parent {
        Some(parent) => behind.with_remote_span_context(outside(parent, is_remote)),
        None => behind,
    };
    if span.set_parent(behind).is_err() {
        return trace;
    }
    NEXT.set(Some(trace));
    let begun = span.context();
    NEXT.set(None);
    let flags = TraceFlags::new(trace.flags).with_sampled(begun.span().span_context().is_sampled());
    Trace {
        flags: flags.to_u8(),
        ..trace
    }
}

/// The hop that the program stands in, by a span of its own or one of ours.
pub(super) fn current() -> Option<Trace> {
    EXPORT.get()?;
    let context = Span::current().context();
    let span = context.span();
    let own = span.span_context();
    own.is_valid().then(|| Trace {
        id: u128::from_be_bytes(own.trace_id().to_bytes()),
        span: u64::from_be_bytes(own.span_id().to_bytes()),
        flags: own.trace_flags().to_u8(),
    })
}

/// `trace` as OpenTelemetry has it.
fn outside(trace: Trace, is_remote: bool) -> SpanContext {
    SpanContext::new(
        TraceId::from(trace.id),
        SpanId::from(trace.span),
        TraceFlags::new(trace.flags),
        is_remote,
        TraceState::NONE,
    )
}

/// The ids of the hop whose span is being started, and random ones for spans of others.
#[derive(Debug, Default)]
struct Ids(RandomIdGenerator);

impl IdGenerator for Ids {
    fn new_trace_id(&self) -> TraceId {
        let own = NEXT.get().map(|trace| TraceId::from(trace.id));
        own.unwrap_or_else(|| self.0.new_trace_id())
    }

    fn new_span_id(&self) -> SpanId {
        let own = NEXT.get().map(|trace| SpanId::from(trace.span));
        own.unwrap_or_else(|| self.0.new_span_id())
    }
}

/// Which spans and events are taken.
struct Taken;

impl Taken {
    fn takes(metadata: &Metadata<'_>) -> bool {
        EXPORT.get().is_some()
            && (metadata.level() <= &LevelFilter::INFO || metadata.target() == TARGET)
    }
}

impl<S> Filter<S> for Taken {
    fn enabled(&self, metadata: &Metadata<'_>, _: &LayerContext<'_, S>) -> bool {
        Self::takes(metadata)
    }

    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        if Self::takes(metadata) {
            Interest::always()
        } else {
            Interest::never()
        }
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(match EXPORT.get() {
            Some(_) => LevelFilter::DEBUG,
            None => LevelFilter::OFF,
        })
    }
}

/// Hands spans that ended to the export.
#[derive(Debug)]
struct Queue;

impl SpanProcessor for Queue {
    fn on_start(&self, _: &mut SdkSpan, _: &opentelemetry::Context) {}

    fn on_end(&self, mut span: SpanData) {
        if let Some(export) = EXPORT.get() {
            span.attributes
                .retain(|attribute| !IDS.contains(&attribute.key.as_str()));
            export.queue.on_end(span);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    // The export outlives the subscribers of the process.
    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }

    fn set_resource(&mut self, _: &Resource) {}
}
