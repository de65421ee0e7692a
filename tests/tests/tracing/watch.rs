//! A subscriber that keeps what it is told.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::DefaultGuard;
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

/// The fields of one span.
pub type Fields = BTreeMap<String, String>;

/// What was told on this thread since it was made.
#[derive(Clone, Default)]
pub struct Watch(Arc<Mutex<Told>>);

#[derive(Default)]
struct Told {
    spans: Vec<(u64, &'static str, Fields)>,
    /// What each event of the test says, with the spans that it stands in, innermost first.
    events: Vec<(String, Vec<&'static str>)>,
}

impl Watch {
    /// Keeps what this thread tells until the guard is dropped.
    pub fn start() -> (Self, DefaultGuard) {
        let watch = Self::default();
        let subscriber = tracing_subscriber::registry().with(watch.clone());
        (watch, tracing::subscriber::set_default(subscriber))
    }

    /// The fields of the spans of that name, in the order in which they began.
    pub fn spans(&self, name: &str) -> Vec<Fields> {
        let told = self.0.lock().unwrap();
        let named = told.spans.iter().filter(|(_, own, _)| *own == name);
        named.map(|(_, _, fields)| fields.clone()).collect()
    }

    /// The one span of that name that has `value` in `field`.
    pub fn span(&self, name: &str, field: &str, value: &str) -> Fields {
        let mut spans = self.spans(name);
        spans.retain(|fields| fields.get(field).is_some_and(|own| own == value));
        assert_eq!(spans.len(), 1, "{spans:?}");
        spans.remove(0)
    }

    /// The spans that the event stands in which says `message`.
    pub fn place(&self, message: &str) -> Vec<&'static str> {
        let told = self.0.lock().unwrap();
        let event = told.events.iter().find(|(own, _)| own == message);
        event.expect("no such event").1.clone()
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Watch {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, _: Context<'_, S>) {
        let mut fields = Fields::new();
        attributes.record(&mut Visitor(&mut fields));
        let span = (id.into_u64(), attributes.metadata().name(), fields);
        self.0.lock().unwrap().spans.push(span);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, _: Context<'_, S>) {
        let mut told = self.0.lock().unwrap();
        let mut spans = told.spans.iter_mut().rev();
        if let Some((_, _, fields)) = spans.find(|(own, _, _)| *own == id.into_u64()) {
            values.record(&mut Visitor(fields));
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::new();
        event.record(&mut Visitor(&mut fields));
        let scope = context.event_scope(event).into_iter().flatten();
        let scope = scope.map(|span| span.name()).collect();
        let message = fields.remove("message").unwrap_or_default();
        self.0.lock().unwrap().events.push((message, scope));
    }
}

struct Visitor<'a>(&'a mut Fields);

impl Visit for Visitor<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), value.to_owned());
    }
}
