//! What a collector of OpenTelemetry gets of the calls and messages of several processes.

mod collector;
mod programs;

use std::net::TcpListener;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use collector::{Collector, Told};
use programs::{SAMPLED, Serving, UNSAMPLED, called, child};

fn main() -> ExitCode {
    if let Some(ended) = programs::run() {
        return ended;
    }
    let visit = Visit::make();
    a_call_and_its_answer_are_parent_and_child_across_processes(&visit);
    the_first_call_continues_the_trace_that_its_caller_names(&visit);
    a_span_that_a_handler_opens_is_a_child_of_the_servers(&visit);
    a_call_made_in_a_span_of_the_program_is_its_child(&visit);
    a_stream_is_one_span_at_each_end(&visit);
    a_span_that_a_stream_opens_is_a_child_of_the_servers(&visit);
    a_message_is_handled_in_the_trace_of_its_publisher(&visit);
    what_travels_is_the_id_that_the_collector_has(&visit);
    what_is_not_sampled_is_not_sent(&visit);
    spans_name_the_node_that_they_come_from(&visit);
    a_program_that_serves_nothing_is_named_as_it_was_built(&visit);
    calls_are_described_by_the_conventions(&visit);
    ids_are_sent_once(&visit);
    a_span_of_a_program_without_a_service_is_sent();
    a_collector_that_does_not_answer_delays_an_exit_by_its_bound_alone();
    a_collector_that_is_not_there_delays_no_exit_and_is_logged_once();
    an_endpoint_that_is_no_address_is_refused();
    ExitCode::SUCCESS
}

/// What a collector was told of two callers: one whose trace is sampled, and one whose trace is not.
struct Visit {
    told: Vec<Told>,
    /// The `traceparent` that the last hop of the sampled one was given.
    seen: String,
}

impl Visit {
    fn make() -> Self {
        let collector = Collector::start();
        let namespace = format!("otel-{:x}", fastrand::u64(..));
        let url = &collector.url;
        let mut back = Serving::start("back", &namespace, url);
        let front = Serving::start("front", &namespace, url);

        called(&namespace, url, UNSAMPLED);
        let seen = called(&namespace, url, SAMPLED);
        for _ in 0..2 {
            assert_eq!(back.printed(), "served");
        }
        assert!(front.stop().success());
        assert!(back.stop().success());

        let told = collector.told();
        Self { told, seen }
    }

    /// The one span of that name and kind.
    fn span(&self, name: &str, kind: Kind) -> &Told {
        let found = self.told.iter().filter(|told| told.span.name == name);
        let found = found.filter(|told| told.span.kind == kind as i32);
        let found: Vec<_> = found.collect();
        assert_eq!(found.len(), 1, "{name}: {:#?}", self.told);
        found[0]
    }
}

/// The kinds of spans, by their numbers in the protocol.
#[derive(Clone, Copy)]
enum Kind {
    Internal = 1,
    Server = 2,
    Client = 3,
    Producer = 4,
    Consumer = 5,
}

const SERVE: &str = "front/Front.Serve";
const SEEN: &str = "back/Back.Seen";
const COUNT: &str = "back/Back.Count";

fn a_call_and_its_answer_are_parent_and_child_across_processes(visit: &Visit) {
    for name in [SERVE, SEEN] {
        let (call, serve) = (
            visit.span(name, Kind::Client),
            visit.span(name, Kind::Server),
        );

        assert!(serve.is_child_of(call), "{call:#?} {serve:#?}");
    }
}

fn the_first_call_continues_the_trace_that_its_caller_names(visit: &Visit) {
    let call = &visit.span(SERVE, Kind::Client).span;

    let parent = format!(
        "00-{}-{}-01",
        hex(&call.trace_id),
        hex(&call.parent_span_id)
    );
    assert_eq!(parent, SAMPLED);
}

fn a_span_that_a_handler_opens_is_a_child_of_the_servers(visit: &Visit) {
    let cook = visit.span("cook", Kind::Internal);

    assert!(cook.is_child_of(visit.span(SERVE, Kind::Server)));
}

fn a_call_made_in_a_span_of_the_program_is_its_child(visit: &Visit) {
    let call = visit.span(SEEN, Kind::Client);

    assert!(call.is_child_of(visit.span("cook", Kind::Internal)));
}

fn a_stream_is_one_span_at_each_end(visit: &Visit) {
    let (call, serve) = (
        visit.span(COUNT, Kind::Client),
        visit.span(COUNT, Kind::Server),
    );

    assert!(serve.is_child_of(call));
}

fn a_span_that_a_stream_opens_is_a_child_of_the_servers(visit: &Visit) {
    let ticks = visit.told.iter().filter(|told| told.span.name == "tick");
    let ticks: Vec<_> = ticks.collect();

    let serve = visit.span(COUNT, Kind::Server);
    assert_eq!(ticks.len(), 2);
    assert!(ticks.iter().all(|tick| tick.is_child_of(serve)));
}

fn a_message_is_handled_in_the_trace_of_its_publisher(visit: &Visit) {
    let send = visit.span("send served", Kind::Producer);
    let process = visit.span("process served", Kind::Consumer);

    assert!(send.is_child_of(visit.span("cook", Kind::Internal)));
    assert!(process.is_child_of(send));
    assert!(visit.span("wash", Kind::Internal).is_child_of(process));
}

fn what_travels_is_the_id_that_the_collector_has(visit: &Visit) {
    let call = &visit.span(SEEN, Kind::Client).span;

    let parent = format!("00-{}-{}-01", hex(&call.trace_id), hex(&call.span_id));
    assert_eq!(visit.seen, parent);
}

fn what_is_not_sampled_is_not_sent(visit: &Visit) {
    let of_other = |told: &&Told| UNSAMPLED.contains(&hex(&told.span.trace_id));

    assert_eq!(visit.told.iter().filter(of_other).count(), 0);
}

fn spans_name_the_node_that_they_come_from(visit: &Visit) {
    let serve = visit.span(SEEN, Kind::Server);

    assert_eq!(serve.resource("service.name"), "back");
    assert_eq!(serve.resource("service.version"), "1.2.3");
    let id = serve.resource("service.instance.id");
    assert!(id.starts_with("back-"), "{id}");
}

fn a_program_that_serves_nothing_is_named_as_it_was_built(visit: &Visit) {
    let call = visit.span(SERVE, Kind::Client);

    assert_eq!(call.resource("service.name"), "program");
}

fn calls_are_described_by_the_conventions(visit: &Visit) {
    let call = visit.span(SEEN, Kind::Client);

    assert_eq!(call.attribute("rpc.system"), "micro");
    assert_eq!(call.attribute("rpc.service"), "back");
    assert_eq!(call.attribute("rpc.method"), "Back.Seen");
    assert!(call.attribute("server.address").starts_with("127.0.0.1:"));
}

fn ids_are_sent_once(visit: &Visit) {
    for name in ["trace_id", "span_id", "parent_id"] {
        assert_eq!(visit.span(SEEN, Kind::Server).attribute(name), "");
    }
}

fn a_span_of_a_program_without_a_service_is_sent() {
    let collector = Collector::start();

    let status = child("alone", "otel", &collector.url).status().unwrap();

    assert!(status.success());
    let told = collector.told();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].span.name, "alone");
}

/// How long a program takes that sends one span to `url`, and what it logs.
fn ended(url: &str) -> (Duration, String) {
    let begun = Instant::now();
    let output = child("alone", "otel", url).output().unwrap();
    assert!(output.status.success());
    (begun.elapsed(), String::from_utf8(output.stderr).unwrap())
}

fn a_collector_that_does_not_answer_delays_an_exit_by_its_bound_alone() {
    // The system takes its connections, and nobody reads them.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());

    let (took, log) = ended(&url);

    assert!(took > Duration::from_secs(2), "{took:?}");
    assert!(took < Duration::from_secs(4), "{took:?}");
    assert!(log.contains("the last spans are lost"), "{log}");
}

fn a_collector_that_is_not_there_delays_no_exit_and_is_logged_once() {
    let gone = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", gone.local_addr().unwrap());
    drop(gone);

    let (took, log) = ended(&url);

    assert!(took < Duration::from_secs(2), "{took:?}");
    assert_eq!(log.matches("takes no spans").count(), 1, "{log}");
}

fn an_endpoint_that_is_no_address_is_refused() {
    for url in ["localhost:4318", "https://localhost:4318", "http://"] {
        let output = child("alone", "otel", url).output().unwrap();

        let log = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success(), "{url}");
        let refused = format!("--otlp_endpoint={url} is no collector");
        assert!(log.contains(&refused), "{log}");
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
