//! What is sent again, and what never runs twice.

mod budget;
mod time;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use micro::prelude::*;
use micro::registry::Registry as _;
use micro::{Error, Running};
use tests::System;

/// A node whose handler counts its runs and fails with `code`.
async fn failing(
    system: &System,
    node: &str,
    code: u16,
    idempotent: bool,
    runs: &Arc<AtomicU32>,
) -> Running {
    let runs = Arc::clone(runs);
    let fail = unary(move |_: Context, _: Plain<()>| {
        runs.fetch_add(1, Ordering::Relaxed);
        std::future::ready(Err::<Plain<()>, _>(Error::new(code, "shop", "not today")))
    });
    let fail = if idempotent { fail.idempotent() } else { fail };
    let service = system.builder("shop").id(node).build().await.unwrap();
    service.endpoint("Shop.Buy", fail).start().await.unwrap()
}

async fn buy(system: &System) -> Error {
    let client = system.service("client").await;
    client
        .client()
        .call::<_, Plain<()>>("shop", "Shop.Buy", &Plain(()))
        .await
        .unwrap_err()
}

#[tokio::test(start_paused = true)]
async fn an_idempotent_method_is_repeated_once_on_another_node() {
    let (system, runs) = (System::default(), Arc::default());
    let _a = failing(&system, "a", 503, true, &runs).await;
    let _b = failing(&system, "b", 503, true, &runs).await;
    let _c = failing(&system, "c", 503, true, &runs).await;

    let error = buy(&system).await;

    assert_eq!(error.code(), 503);
    assert_eq!(runs.load(Ordering::Relaxed), 2);
}

#[tokio::test(start_paused = true)]
async fn a_method_that_is_not_idempotent_runs_once() {
    let (system, runs) = (System::default(), Arc::default());
    let _a = failing(&system, "a", 503, false, &runs).await;
    let _b = failing(&system, "b", 503, false, &runs).await;

    buy(&system).await;

    assert_eq!(runs.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn an_error_that_a_repetition_cannot_mend_is_not_repeated() {
    let (system, runs) = (System::default(), Arc::default());
    let _a = failing(&system, "a", 409, true, &runs).await;
    let _b = failing(&system, "b", 409, true, &runs).await;

    buy(&system).await;

    assert_eq!(runs.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn a_compiled_contract_that_disagrees_forbids_the_repetition() {
    let (system, runs) = (System::default(), Arc::default());
    let _a = failing(&system, "a", 503, true, &runs).await;
    let _b = failing(&system, "b", 503, true, &runs).await;
    let client = micro::ServiceClient::named("shop", &system.service("client").await);
    let format = <Plain<()> as micro::Message>::format();
    let method = micro::client::Method::new("Shop.Buy");

    client
        .unary(&method, format, format, Plain(()))
        .await
        .unwrap_err();

    assert_eq!(runs.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn a_record_that_disagrees_forbids_the_repetition() {
    let (system, runs) = (System::default(), Arc::default());
    let _a = failing(&system, "a", 503, false, &runs).await;
    let _b = failing(&system, "b", 503, false, &runs).await;
    let client = micro::ServiceClient::named("shop", &system.service("client").await);
    let format = <Plain<()> as micro::Message>::format();
    let method = micro::client::Method::new("Shop.Buy").idempotent();

    client
        .unary(&method, format, format, Plain(()))
        .await
        .unwrap_err();

    assert_eq!(runs.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_a_stopping_node_refuses_is_answered_by_another() {
    let system = System::default();
    let stopping = system.greeter("stopping").await;
    let client = system.service("client").await;
    let name = Plain("ann".to_owned());
    let first: Plain<String> = client
        .client()
        .call("greeter", "Greeter.Hello", &name)
        .await
        .unwrap();
    assert_eq!(first.0, "Hello ann from stopping");
    let _other = system.greeter("other").await;

    stopping.stop().await;
    let second: Plain<String> = client
        .client()
        .call("greeter", "Greeter.Hello", &name)
        .await
        .unwrap();

    assert_eq!(second.0, "Hello ann from other");
}

#[tokio::test(start_paused = true)]
async fn a_call_is_written_anew_for_each_node_that_it_is_tried_on() {
    let system = System::default();
    for (id, content_type) in [("a", "application/json"), ("b", "application/msgpack")] {
        let types = ("content_types".to_owned(), content_type.to_owned());
        let service = micro::registry::Service {
            name: "greeter".to_owned(),
            version: id.to_owned(),
            endpoints: vec![micro::registry::Endpoint {
                name: "Greeter.Hello".to_owned(),
                metadata: [types].into(),
                ..Default::default()
            }],
            // Nothing listens there.
            nodes: vec![micro::registry::Node {
                id: id.to_owned(),
                address: id.to_owned(),
                ..Default::default()
            }],
            ..Default::default()
        };
        system.registry.register(&service, None).await.unwrap();
    }
    let selector = micro::selector::RoundRobinSelector;
    let client = system.builder("client").selector(selector).build().await;
    let client = client.unwrap();

    let name = Plain("ann".to_owned());
    let call = client
        .client()
        .call::<_, Plain<String>>("greeter", "Greeter.Hello", &name);
    let error = call.timeout(Duration::from_secs(1)).await.unwrap_err();

    // Neither can be reached, and each could have read it.
    assert_eq!(error.code(), 503, "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_filter_keeps_calls_to_the_nodes_it_lets_pass() {
    let system = System::default();
    let _a = system.greeter("a").await;
    let service = system
        .builder("greeter")
        .id("b")
        .version("2.0.0")
        .build()
        .await
        .unwrap();
    let hello =
        unary(async |_: Context, _: Plain<String>| Ok::<_, Error>(Plain("version 2".to_owned())));
    let _b = service
        .endpoint("Greeter.Hello", hello)
        .start()
        .await
        .unwrap();
    let client = system.service("client").await;

    for _ in 0..8 {
        let call = client
            .client()
            .call("greeter", "Greeter.Hello", &Plain("ann".to_owned()));
        let reply: Plain<String> = call
            .filter(micro::selector::version("2.0.0"))
            .await
            .unwrap();

        assert_eq!(reply.0, "version 2");
    }
}

#[tokio::test(start_paused = true)]
async fn a_filter_that_no_node_passes_is_said() {
    let system = System::default();
    let _a = system.greeter("a").await;
    let client = system.service("client").await;

    let call = client.client().call::<_, Plain<String>>(
        "greeter",
        "Greeter.Hello",
        &Plain("ann".to_owned()),
    );
    let error = call
        .filter(micro::selector::version("9"))
        .await
        .unwrap_err();

    assert!(
        error
            .detail()
            .contains("none of the 1 nodes of greeter fits"),
        "{error}"
    );
}
