//! How calls and messages are traced, from hop to hop.

mod watch;

use micro::broker::Mode;
use micro::prelude::*;
use micro::transport::{FramesTransport, HttpTransport, Transport};
use micro::{Client, Error, Running, Service};
use tests::System;
use watch::Watch;

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";
const OTHER: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

type Pair = Plain<(Option<String>, Option<String>)>;

/// `back`, which answers with the trace that it was given.
async fn back(service: Service) -> Running {
    let seen = unary(async |ctx: Context, _: Plain<()>| {
        let given = |name| ctx.metadata().get(name).map(str::to_owned);
        Ok::<_, Error>(Plain((given("traceparent"), given("tracestate"))))
    });
    service.endpoint("Back.Seen", seen).start().await.unwrap()
}

/// `front`, which hands `back` what it was given.
async fn front(service: Service) -> Running {
    let client = service.client().clone();
    let ask = unary(move |_: Context, unit: Plain<()>| {
        let call = client.call::<_, Pair>("back", "Back.Seen", &unit);
        async move { call.await }
    });
    service.endpoint("Front.Ask", ask).start().await.unwrap()
}

/// What arrives behind two hops of a call with `parent`.
async fn seen_behind_two(parent: &str) -> (Option<String>, Option<String>) {
    let system = System::default();
    let _back = back(system.service("back").await).await;
    let _front = front(system.service("front").await).await;
    let client = system.service("client").await;
    let call = client
        .client()
        .call::<_, Pair>("front", "Front.Ask", &Plain(()));
    let call = call
        .metadata("traceparent", parent)
        .metadata("tracestate", "vendor=1");
    call.await.unwrap().0
}

/// What `back` is given by a handler that is in the trace of [`PARENT`], and names another.
async fn seen_of_another_trace(other: &'static str) -> (Option<String>, Option<String>) {
    let system = System::default();
    let _back = back(system.service("back").await).await;
    let service = system.service("front").await;
    let client = service.client().clone();
    let ask = unary(move |_: Context, unit: Plain<()>| {
        let call = client.call::<_, Pair>("back", "Back.Seen", &unit);
        let call = call.metadata("traceparent", other);
        async move { call.await }
    });
    let front = service.endpoint("Front.Ask", ask).start().await;
    let _front = front.unwrap();
    let client = system.service("client").await;
    let call = client
        .client()
        .call::<_, Pair>("front", "Front.Ask", &Plain(()));
    let call = call
        .metadata("traceparent", PARENT)
        .metadata("tracestate", "vendor=1");
    call.await.unwrap().0
}

async fn call_log(system: &System) -> Client {
    system.service("client").await.client().clone()
}

#[tokio::test(start_paused = true)]
async fn where_nobody_listens_the_trace_is_handed_on_as_it_is() {
    let (parent, state) = seen_behind_two(PARENT).await;

    assert_eq!(parent.as_deref(), Some(PARENT));
    assert_eq!(state.as_deref(), Some("vendor=1"));
}

#[tokio::test(start_paused = true)]
async fn where_nobody_listens_a_malformed_trace_is_not_handed_on() {
    let seen = seen_behind_two("00-malformed").await;

    assert_eq!(seen, (None, None));
}

#[tokio::test(start_paused = true)]
async fn the_state_of_one_trace_does_not_go_with_another() {
    let (parent, state) = seen_of_another_trace(OTHER).await;

    assert_eq!(parent.as_deref(), Some(OTHER));
    assert_eq!(state, None);
}

#[tokio::test(start_paused = true)]
async fn every_hop_has_a_span_of_its_own_in_the_one_trace() {
    let (watch, _guard) = Watch::start();

    let (parent, state) = seen_behind_two(PARENT).await;

    let call_front = watch.span("call", "rpc.service", "front");
    let serve_front = watch.span("serve", "rpc.service", "front");
    let call_back = watch.span("call", "rpc.service", "back");
    let serve_back = watch.span("serve", "rpc.service", "back");
    assert!(
        [&call_front, &serve_front, &call_back, &serve_back]
            .iter()
            .all(|span| span["trace_id"] == ID)
    );
    assert_eq!(serve_front["parent_id"], call_front["span_id"]);
    assert_eq!(serve_back["parent_id"], call_back["span_id"]);
    assert_ne!(call_back["span_id"], serve_front["span_id"]);
    // Not sampled by the first caller, so by nobody.
    assert_eq!(
        parent.unwrap(),
        format!("00-{ID}-{}-00", call_back["span_id"])
    );
    assert_eq!(state.as_deref(), Some("vendor=1"));
}

#[tokio::test(start_paused = true)]
async fn a_malformed_trace_is_replaced_by_a_new_one_that_is_sampled() {
    let (_watch, _guard) = Watch::start();

    let (parent, state) = seen_behind_two("00-malformed").await;

    assert!(parent.unwrap().ends_with("-03"));
    assert_eq!(state, None);
}

#[tokio::test(start_paused = true)]
async fn spans_are_named_as_opentelemetry_has_it() {
    let (watch, _guard) = Watch::start();
    let system = System::default();
    let _greeter = system.greeter("a").await;

    let name = Plain("ann".to_owned());
    let client = call_log(&system).await;
    let _reply: Plain<String> = client
        .call("greeter", "Greeter.Hello", &name)
        .await
        .unwrap();

    for (span, kind) in [("call", "client"), ("serve", "server")] {
        let fields = watch.span(span, "otel.kind", kind);
        assert_eq!(fields["otel.name"], "greeter/Greeter.Hello");
        assert_eq!(fields["rpc.system"], "micro");
        assert_eq!(fields["rpc.method"], "Greeter.Hello");
        assert_eq!(fields["attempt"], "1");
        assert!(!fields.contains_key("error.type"));
    }
    assert_eq!(watch.spans("call")[0]["server.address"], "memory:1");
}

#[tokio::test(start_paused = true)]
async fn the_span_of_a_call_that_fails_has_the_code() {
    let (watch, _guard) = Watch::start();
    let system = System::default();
    let _greeter = system.greeter("a").await;

    let client = call_log(&system).await;
    let call = client.call::<_, Plain<()>>("greeter", "Greeter.Bye", &Plain(()));
    call.await.unwrap_err();

    assert_eq!(watch.spans("call")[0]["error.type"], "404");
    assert_eq!(watch.spans("serve")[0]["error.type"], "404");
    assert_eq!(watch.spans("serve")[0]["otel.status_code"], "ERROR");
}

#[tokio::test(start_paused = true)]
async fn callers_cannot_name_the_span_of_an_endpoint_that_is_not_there() {
    let (watch, _guard) = Watch::start();
    let system = System::default();
    let _greeter = system.greeter("a").await;

    let client = call_log(&system).await;
    let call = client.call::<_, Plain<()>>("greeter", "Greeter.Bye", &Plain(()));
    call.await.unwrap_err();

    let serve = &watch.spans("serve")[0];
    assert_eq!(serve["otel.name"], "other");
    assert_eq!(serve["rpc.method"], "Greeter.Bye");
}

#[tokio::test(start_paused = true)]
async fn what_a_handler_logs_stands_in_its_span_behind_an_await_and_in_its_tasks() {
    let (watch, _guard) = Watch::start();
    let system = System::default();
    let log = unary(async |ctx: Context, _: Plain<()>| {
        tracing::info!("at once");
        tokio::task::yield_now().await;
        tracing::info!("later");
        let task = ctx.spawn(async { tracing::info!("in a task") });
        task.await.unwrap();
        Ok::<_, Error>(Plain(()))
    });
    let service = system.service("log").await;
    let _log = service.endpoint("Log.Write", log).start().await.unwrap();

    let client = call_log(&system).await;
    let _reply: Plain<()> = client.call("log", "Log.Write", &Plain(())).await.unwrap();

    for message in ["at once", "later", "in a task"] {
        assert_eq!(watch.place(message)[0], "serve", "{message}");
    }
}

#[micro::service(name = "ticks")]
pub trait Ticks {
    #[micro::handler]
    async fn ticks(
        &self,
        count: Plain<u64>,
    ) -> micro::Result<impl Stream<Item = micro::Result<Plain<u64>>>>;
}

struct Ticking;

impl Ticks for Ticking {
    async fn ticks(
        &self,
        count: Plain<u64>,
    ) -> micro::Result<impl Stream<Item = micro::Result<Plain<u64>>>> {
        Ok(stream::iter(0..=count.0).map(move |number| {
            tracing::info!("item {number}");
            if number == count.0 {
                return Err(Error::conflict("ticks", "enough"));
            }
            Ok(Plain(number))
        }))
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_in_its_span_until_it_ends_and_has_the_code_that_it_ends_with() {
    let (watch, _guard) = Watch::start();
    let system = System::default();
    let service = system.service("ticks").await;
    let _ticks = service.handle(ticks::serve(Ticking)).start().await.unwrap();

    let client = TicksClient::new(&system.service("client").await);
    let items: Vec<_> = client.ticks(Plain(2)).await.unwrap().collect().await;

    assert_eq!(items.len(), 3);
    assert_eq!(watch.place("item 1")[0], "serve");
    assert_eq!(watch.spans("serve")[0]["error.type"], "409");
    assert_eq!(watch.spans("call")[0]["error.type"], "409");
}

#[tokio::test(start_paused = true)]
async fn a_message_is_handled_in_the_trace_of_its_publisher() {
    let (watch, _guard) = Watch::start();
    let system = System::default();
    let (done, mut handled) = tokio::sync::mpsc::unbounded_channel();
    let handle = micro::subscriber(
        "audit",
        Mode::Group("readers".into()),
        move |_: Context, _: Plain<()>| {
            tracing::info!("handled");
            done.send(()).unwrap();
            std::future::ready(Ok::<_, Error>(()))
        },
    );
    let service = system.service("audit").await;
    let client = service.client().clone();
    let _audit = service.subscriber(handle).start().await.unwrap();

    client.publisher("audit").publish(&Plain(())).await.unwrap();
    handled.recv().await.unwrap();

    let (publish, handle) = (&watch.spans("publish")[0], &watch.spans("handle")[0]);
    assert_eq!(handle["parent_id"], publish["span_id"]);
    assert_eq!(handle["trace_id"], publish["trace_id"]);
    assert_eq!(handle["messaging.destination.name"], "audit");
    assert_eq!(handle["messaging.consumer.group.name"], "readers");
    assert_eq!(watch.place("handled"), ["handle"]);
}

#[tokio::test(start_paused = true)]
async fn the_span_of_a_call_has_the_attempt_that_succeeded() {
    let (watch, _guard) = Watch::start();
    let system = System::default();
    let (gone, _alive) = (system.greeter("a").await, system.greeter("b").await);
    let client = call_log(&system).await;
    let name = Plain("ann".to_owned());
    let _reply: Plain<String> = client
        .call("greeter", "Greeter.Hello", &name)
        .await
        .unwrap();
    drop(gone);

    for _ in 0..20 {
        let _reply: Plain<String> = client
            .call("greeter", "Greeter.Hello", &name)
            .await
            .unwrap();
    }

    assert!(
        watch
            .spans("call")
            .iter()
            .any(|span| span["attempt"] == "2")
    );
}

async fn seen_over(transport: impl Transport + Clone + 'static) -> Option<String> {
    let system = System::default();
    let service = system.builder("back").transport(transport.clone());
    let _back = back(service.build().await.unwrap()).await;
    let client = system
        .builder("client")
        .transport(transport)
        .build()
        .await
        .unwrap();
    let call = client
        .client()
        .call::<_, Pair>("back", "Back.Seen", &Plain(()));
    call.metadata("traceparent", PARENT).await.unwrap().0.0
}

#[tokio::test]
async fn a_trace_travels_in_frames() {
    let seen = seen_over(FramesTransport::default()).await;

    assert_eq!(seen.as_deref(), Some(PARENT));
}

#[tokio::test]
async fn a_trace_travels_over_http() {
    let seen = seen_over(HttpTransport::default()).await;

    assert_eq!(seen.as_deref(), Some(PARENT));
}

#[tokio::test(start_paused = true)]
async fn the_span_of_a_hedged_call_says_so_and_has_the_node_that_answered() {
    for (slow, answered) in [(1, "2"), (3600, "2"), (0, "1")] {
        let (watch, _guard) = Watch::start();
        let system = System::default();
        let wait = unary(move |ctx: Context, _: Plain<()>| async move {
            let is_second = ctx.attempt() > 1;
            let delay = if is_second { 0 } else { slow };
            tokio::time::sleep(Duration::from_secs(delay)).await;
            Ok::<_, Error>(Plain(()))
        });
        let mut nodes = Vec::new();
        for node in ["a", "b"] {
            let service = system.builder("shop").id(node).build().await.unwrap();
            let service = service.endpoint("Shop.Buy", wait.clone().idempotent());
            nodes.push(service.start().await.unwrap());
        }
        let client = system.service("client").await;

        let call = client.client().call("shop", "Shop.Buy", &Plain(()));
        let _: Plain<()> = call.hedge(Duration::from_millis(20)).await.unwrap();

        let span = &watch.spans("call")[0];
        assert_eq!(span["attempt"], answered);
        let is_hedged = span.get("hedged").map(String::as_str);
        assert_eq!(is_hedged, (slow > 0).then_some("true"));
    }
}
