//! What is sent again, and what never runs twice.

mod budget;
mod time;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use micro::prelude::*;
use micro::registry::{Endpoint, Node, PARTIAL, Registry, Service};
use micro::{Error, Running, wrapper};
use tests::{PassedOver, System};

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

/// A node is asked for what its record had no room for, and then treated as it says.
#[tokio::test(start_paused = true)]
async fn an_idempotent_method_that_a_partial_record_lacks_is_repeated_too() {
    let (system, runs) = (System::default(), Arc::default());
    let _a = failing(&system, "a", 503, true, &runs).await;
    let _b = failing(&system, "b", 503, true, &runs).await;
    for mut service in system.registry.get("shop").await.unwrap() {
        service.endpoints.clear();
        for node in &mut service.nodes {
            node.metadata.insert(PARTIAL.to_owned(), "true".to_owned());
        }
        system.registry.register(&service, None).await.unwrap();
    }

    buy(&system).await;

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

#[tokio::test(start_paused = true)]
async fn an_error_that_a_handler_forwards_does_not_run_it_again() {
    let (system, runs) = (System::default(), Arc::new(AtomicU32::new(0)));
    let mut fronts = Vec::new();
    for node in ["a", "b", "c"] {
        let client = system.service("client").await.client().clone();
        let runs = Arc::clone(&runs);
        let ask = unary(move |_: Context, _: Plain<()>| {
            runs.fetch_add(1, Ordering::Relaxed);
            let call = client.call::<_, Plain<()>>("nowhere", "No.Where", &Plain(()));
            async move { call.await.map_err(Error::forward) }
        });
        let front = system.builder("shop").id(node).build().await.unwrap();
        fronts.push(front.endpoint("Shop.Buy", ask).start().await.unwrap());
    }

    let error = buy(&system).await;

    assert_eq!(error.code(), 404);
    assert!(!error.is_never_reached());
    assert_eq!(runs.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_a_node_refuses_is_answered_by_another_with_the_whole_request() {
    let system = System::default();
    let mut nodes = Vec::new();
    for node in ["refusing", "other"] {
        let count = server_streaming(async |_: Context, to: Plain<u32>| {
            Ok::<_, Error>(stream::iter((0..to.0).map(|n| Ok::<_, Error>(Plain(n)))))
        });
        let refuse = wrapper::from_fn(move |_: Context, request: Request, next: Next| async move {
            tokio::task::yield_now().await;
            match node {
                "refusing" => Err(Error::unavailable("test", "not me").never_reached()),
                _ => next.run(request).await,
            }
        });
        let service = system.builder("count").id(node).build().await.unwrap();
        let service = service.wrap_handler(refuse).endpoint("Count.To", count);
        nodes.push(service.start().await.unwrap());
    }
    let client = system
        .builder("client")
        .selector(InOrder)
        .build()
        .await
        .unwrap();
    let typed = micro::ServiceClient::named("count", &client);
    let format = <Plain<u32> as micro::Message>::format();
    let method = micro::client::Method::new("Count.To");

    let replies = typed
        .server_streaming(&method, format, format, Plain(3))
        .await;

    let replies: Vec<_> = replies.unwrap().map(|n| n.unwrap().0).collect().await;
    assert_eq!(replies, [0, 1, 2]);
}

/// Chooses the node with the greatest id.
#[derive(Debug)]
struct InOrder;

impl micro::selector::Selector for InOrder {
    fn select<'a>(
        &self,
        snapshot: &'a micro::registry::Snapshot,
        allowed: &dyn Fn(&micro::registry::Candidate) -> bool,
    ) -> Option<&'a Arc<micro::registry::Candidate>> {
        snapshot.candidates.iter().rev().find(|one| allowed(one))
    }

    fn name(&self) -> &'static str {
        "in-order"
    }
}

/// Announces `address` as a node of `shop`, in a version of its own, with this fact about its method.
async fn announce(system: &System, node: &str, address: &str, (fact, value): (&str, &str)) {
    let endpoint = Endpoint {
        name: "Shop.Buy".into(),
        metadata: [(fact.into(), value.into())].into(),
        ..Endpoint::default()
    };
    let service = Service {
        name: "shop".into(),
        version: node.into(),
        endpoints: vec![endpoint],
        nodes: vec![Node {
            id: node.into(),
            address: address.into(),
            ..Node::default()
        }],
        ..Service::default()
    };
    system.registry.register(&service, None).await.unwrap();
}

/// A node at the address `shop` that takes 50 ms, and whose record is up to the test.
async fn unannounced(system: &System) -> Running {
    let buy = unary(async |_: Context, _: Plain<()>| {
        tokio::time::sleep(Duration::from_millis(50)).await;
        Ok::<_, Error>(Plain(()))
    });
    let shop = system
        .builder("shop")
        .address("shop")
        .build()
        .await
        .unwrap();
    let shop = shop.endpoint("Shop.Buy", buy).start().await.unwrap();
    for own in system.registry.get("shop").await.unwrap() {
        system.registry.deregister(&own).await.unwrap();
    }
    shop
}

#[tokio::test(start_paused = true)]
async fn each_node_is_sent_what_it_takes() {
    let system = System::default();
    let _shop = unannounced(&system).await;
    announce(
        &system,
        "z",
        "nobody",
        ("content_types", "application/json"),
    )
    .await;
    announce(
        &system,
        "a",
        "shop",
        ("content_types", "application/msgpack"),
    )
    .await;
    let client = system
        .builder("client")
        .selector(InOrder)
        .build()
        .await
        .unwrap();

    let reply = client
        .client()
        .call::<_, Plain<()>>("shop", "Shop.Buy", &Plain(()))
        .await;

    reply.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_time_that_a_node_asks_for_binds_no_other() {
    let system = System::default();
    let _shop = unannounced(&system).await;
    announce(&system, "z", "nobody", ("timeout", "1000000")).await;
    announce(&system, "a", "shop", ("stream", "false")).await;
    let client = system
        .builder("client")
        .selector(InOrder)
        .build()
        .await
        .unwrap();

    let reply = client
        .client()
        .call::<_, Plain<()>>("shop", "Shop.Buy", &Plain(()))
        .await;

    reply.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_node_that_does_not_take_a_message_is_not_taken_for_dead() {
    let system = System::default();
    announce(&system, "a", "shop", ("content_types", "text/csv")).await;
    let passed_over = PassedOver::default();
    let client = system.builder("client").selector(passed_over.clone());
    let client = client.build().await.unwrap();

    for _ in 0..2 {
        let call = client
            .client()
            .call::<_, Plain<()>>("shop", "Shop.Buy", &Plain(()));
        assert_eq!(call.await.unwrap_err().code(), 415);
    }

    assert_eq!(passed_over.seen(), Vec::<String>::new());
}
