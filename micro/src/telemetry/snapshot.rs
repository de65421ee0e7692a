//! The numbers of a service at one moment, and the text that Prometheus reads.

use std::fmt::{self, Display, Formatter};
use std::time::Duration;

/// The content type of the text.
pub(crate) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The numbers of a service; displayed, they are Prometheus' text exposition format, version 0.0.4.
///
/// Each number is right, but they are not all read at the same instant.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Snapshot {
    /// Calls answered, by endpoint.
    pub server: Vec<Series>,
    /// Calls made, by endpoint, all attempts of one as one.
    pub client: Vec<Series>,
    /// Messages published, by topic: until the broker has taken them.
    pub publishers: Vec<Series>,
    /// Messages handled, by topic, each try as one.
    pub subscribers: Vec<Series>,
    /// How old is what is known of each service that is called: zero while the registry can be reached.
    pub registry: Vec<(String, Duration)>,
    /// Connections that are open to this service.
    pub connections: usize,
}

/// The numbers of one endpoint or topic.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Series {
    /// The service that is called, or that publishes or subscribes; `other` for what is not counted apart.
    pub service: String,
    /// The endpoint, or the topic; `other` for what is not counted apart: endpoints that are not there, names of more
    /// than 200 bytes, and those beyond the first thousand.
    pub endpoint: String,
    /// Those that have not ended; a stream ends with its last reply.
    pub in_flight: u64,
    /// Messages that were given up; none of endpoints.
    pub parked: u64,
    /// Calls made that were sent to a second node, too.
    pub hedged: u64,
    /// How often each code was the end: 200 if all went well, 499 if the caller left.
    pub outcomes: Vec<(u16, u64)>,
    /// How long they took.
    pub latency: Latency,
}

/// How long calls took.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Latency {
    /// How many took no longer than each of these.
    pub buckets: Vec<(Duration, u64)>,
    /// How many there were.
    pub count: u64,
    /// How long they took together.
    pub sum: Duration,
}

impl Display for Snapshot {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        family(f, "server", "request", "endpoint", &self.server)?;
        family(f, "client", "request", "endpoint", &self.client)?;
        family(f, "publisher", "message", "topic", &self.publishers)?;
        family(f, "subscriber", "message", "topic", &self.subscribers)?;
        let (name, help) = (
            "micro_client_hedged_total",
            "Calls that were sent to a second node, too",
        );
        head(f, name, "counter", help, &self.client)?;
        for series in &self.client {
            writeln!(
                f,
                "{name}{{{}}} {}",
                labels(series, "endpoint"),
                series.hedged
            )?;
        }
        let (name, help) = (
            "micro_subscriber_parked_total",
            "Messages that were given up",
        );
        head(f, name, "counter", help, &self.subscribers)?;
        for series in &self.subscribers {
            writeln!(f, "{name}{{{}}} {}", labels(series, "topic"), series.parked)?;
        }
        let name = "micro_registry_age_seconds";
        head(
            f,
            name,
            "gauge",
            "Age of what is known of a service, zero while the registry can be reached",
            &self.registry,
        )?;
        for (service, age) in &self.registry {
            writeln!(
                f,
                "{name}{{service=\"{}\"}} {}",
                Escaped(service),
                age.as_secs_f64()
            )?;
        }
        let name = "micro_server_connections";
        head(f, name, "gauge", "Connections that are open", &[()])?;
        writeln!(f, "{name} {}", self.connections)
    }
}

/// The numbers of one end, which counts things of one `kind`, each with a name of another.
fn family(
    f: &mut Formatter<'_>,
    end: &str,
    kind: &str,
    label: &str,
    all: &[Series],
) -> fmt::Result {
    let name = format!("micro_{end}_{kind}s_total");
    head(f, &name, "counter", "How many ended, by code", all)?;
    for series in all {
        for (code, count) in &series.outcomes {
            writeln!(
                f,
                "{name}{{{},code=\"{code}\"}} {count}",
                labels(series, label)
            )?;
        }
    }
    let name = format!("micro_{end}_{kind}s_in_flight");
    head(f, &name, "gauge", "How many have not ended", all)?;
    for series in all {
        writeln!(
            f,
            "{name}{{{}}} {}",
            labels(series, label),
            series.in_flight
        )?;
    }
    let name = format!("micro_{end}_{kind}_duration_seconds");
    head(f, &name, "histogram", "How long they took", all)?;
    for series in all {
        let (latency, labels) = (&series.latency, labels(series, label));
        for (bound, count) in &latency.buckets {
            writeln!(
                f,
                "{name}_bucket{{{labels},le=\"{}\"}} {count}",
                bound.as_secs_f64()
            )?;
        }
        writeln!(f, "{name}_bucket{{{labels},le=\"+Inf\"}} {}", latency.count)?;
        writeln!(f, "{name}_sum{{{labels}}} {}", latency.sum.as_secs_f64())?;
        writeln!(f, "{name}_count{{{labels}}} {}", latency.count)?;
    }
    Ok(())
}

/// What a metric is, unless there is none.
fn head<T>(f: &mut Formatter<'_>, name: &str, kind: &str, help: &str, all: &[T]) -> fmt::Result {
    if all.is_empty() {
        return Ok(());
    }
    writeln!(f, "# HELP {name} {help}.\n# TYPE {name} {kind}")
}

fn labels(series: &Series, label: &str) -> impl Display {
    let (service, name) = (Escaped(&series.service), Escaped(&series.endpoint));
    format!("service=\"{service}\",{label}=\"{name}\"")
}

/// The value of a label.
struct Escaped<'a>(&'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for part in self.0.split_inclusive(['\\', '"', '\n']) {
            let plain = part.strip_suffix(['\\', '"', '\n']).unwrap_or(part);
            f.write_str(plain)?;
            match &part[plain.len()..] {
                "\n" => f.write_str("\\n")?,
                "" => {}
                special => write!(f, "\\{special}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Escaped;

    #[test]
    fn a_label_holds_any_text() {
        let escaped = Escaped("a\"b\\c\nd").to_string();

        assert_eq!(escaped, r#"a\"b\\c\nd"#);
    }
}
