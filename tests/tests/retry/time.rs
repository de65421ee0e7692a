//! How long attempts and the pauses between them take, and that all of it is within the call's time.

use std::future::pending;

use micro::prelude::*;
use micro::registry::{MemoryRegistry, Node, PARTIAL, Registry, Service};
use micro::selector::RoundRobinSelector;
use micro::{Error, Running, wrapper};
use tests::System;
use tokio::time::{Instant, sleep};

const MS: Duration = Duration::from_millis(1);

/// A node of `shop` that answers with its name after `delay`.
async fn shop(system: &System, node: &'static str, delay: Duration, idempotent: bool) -> Running {
    let buy = unary(move |_: Context, _: Plain<()>| async move {
        sleep(delay).await;
        Ok::<_, Error>(Plain(node.to_owned()))
    });
    let buy = if idempotent { buy.idempotent() } else { buy };
    let service = system.builder("shop").id(node).build().await.unwrap();
    service.endpoint("Shop.Buy", buy).start().await.unwrap()
}

/// A client that calls node `a` first.
async fn client(system: &System) -> micro::Service {
    let builder = system.builder("client").selector(RoundRobinSelector);
    builder.build().await.unwrap()
}

fn buy(client: &micro::Service) -> micro::Call<Plain<String>> {
    client.client().call("shop", "Shop.Buy", &Plain(()))
}

/// Announces a node at this address, where nothing listens yet.
async fn announce(system: &System, address: &str) {
    let node = Node {
        id: address.to_owned(),
        address: address.to_owned(),
        ..Node::default()
    };
    let service = Service {
        name: "shop".to_owned(),
        nodes: vec![node],
        ..Service::default()
    };
    system.registry.register(&service, None).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_node_that_hangs_leaves_time_for_another() {
    let system = System::default();
    let _a = shop(&system, "a", Duration::from_secs(3600), true).await;
    let _b = shop(&system, "b", Duration::ZERO, true).await;
    let (client, began) = (client(&system).await, Instant::now());

    let reply = buy(&client).await.unwrap();

    assert_eq!(reply.0, "b");
    assert!(began.elapsed() < 2530 * MS, "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_node_that_is_alone_has_all_the_time() {
    let system = System::default();
    let _a = shop(&system, "a", Duration::from_secs(4), true).await;

    let reply = buy(&client(&system).await).await.unwrap();

    assert_eq!(reply.0, "a");
}

#[tokio::test(start_paused = true)]
async fn a_method_that_may_not_run_twice_has_all_the_time_on_one_node() {
    let system = System::default();
    let _a = shop(&system, "a", Duration::from_secs(4), false).await;
    let _b = shop(&system, "b", Duration::from_secs(4), false).await;

    let reply = buy(&client(&system).await).await.unwrap();

    assert_eq!(reply.0, "a");
}

#[tokio::test(start_paused = true)]
async fn a_repetition_waits_for_25_ms_at_most() {
    let mut longest = Duration::ZERO;
    for _ in 0..20 {
        let (system, runs) = (System::default(), std::sync::Arc::default());
        let _a = super::failing(&system, "a", 503, true, &runs).await;
        let _b = super::failing(&system, "b", 503, true, &runs).await;
        let (client, began) = (client(&system).await, Instant::now());

        buy(&client).await.unwrap_err();

        longest = longest.max(began.elapsed());
    }
    // Timers round up to a millisecond.
    assert!((10 * MS..=26 * MS).contains(&longest), "{longest:?}");
}

#[tokio::test(start_paused = true)]
async fn what_never_reached_a_handler_goes_to_another_node_at_once() {
    let system = System::default();
    for address in ["a", "b", "c"] {
        announce(&system, address).await;
    }
    let _alive = shop(&system, "alive", Duration::ZERO, false).await;
    let (client, began) = (client(&system).await, Instant::now());

    buy(&client).await.unwrap();

    assert_eq!(began.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn when_all_nodes_have_refused_they_are_tried_again() {
    let system = System::default();
    announce(&system, "a").await;
    let client = client(&system).await;
    let late = async {
        sleep(500 * MS).await;
        let hello = unary(async |_: Context, _: Plain<()>| Ok::<_, Error>(Plain(String::new())));
        let builder = system.builder("shop").address("a");
        let service = builder.registry(MemoryRegistry::new()).build().await;
        let service = service.unwrap().endpoint("Shop.Buy", hello);
        service.start().await.unwrap()
    };

    let (reply, _running) = tokio::join!(buy(&client).into_future(), late);

    assert_eq!(reply.unwrap().0, "");
}

#[tokio::test(start_paused = true)]
async fn nodes_that_go_on_refusing_are_tried_for_two_seconds() {
    let system = System::default();
    announce(&system, "a").await;
    let (client, began) = (client(&system).await, Instant::now());

    let error = buy(&client).await.unwrap_err();

    let took = began.elapsed();
    assert_eq!(error.code(), 503, "{error}");
    assert!((500 * MS..=2000 * MS).contains(&took), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn no_pause_outlasts_the_deadline() {
    let system = System::default();
    announce(&system, "a").await;
    let (client, began) = (client(&system).await, Instant::now());

    let error = buy(&client).timeout(100 * MS).await.unwrap_err();

    // What went wrong, not that the time is over.
    assert_eq!(error.code(), 503, "{error}");
    assert!(began.elapsed() <= 100 * MS, "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn the_error_names_service_endpoint_node_and_attempt() {
    let system = System::default();
    announce(&system, "nowhere").await;
    let client = client(&system).await;

    let error = buy(&client).timeout(MS).await.unwrap_err();

    let said = error.detail();
    assert!(
        said.starts_with("Shop.Buy of shop at nowhere, attempt "),
        "{said}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_record_makes_the_time_shorter_and_never_longer() {
    for (announced, allowed) in [
        (Duration::from_secs(1), 1000 * MS),
        (Duration::from_secs(60), 5000 * MS),
    ] {
        let system = System::default();
        let left = unary(async |ctx: Context, _: Plain<()>| {
            Ok::<_, Error>(Plain(ctx.time_left().unwrap()))
        });
        let service = system.service("shop").await;
        let left = left.timeout(announced);
        let _node = service.endpoint("Shop.Buy", left).start().await.unwrap();
        let client = client(&system).await;

        let call = client.client().call("shop", "Shop.Buy", &Plain(()));
        let left: Plain<Duration> = call.await.unwrap();

        assert!(left.0 <= allowed && left.0 > allowed / 2, "{left:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_does_not_wait_longer_for_what_another_call_asks_a_node() {
    let system = System::default();
    let hang = wrapper::from_fn(|_, _, _| pending());
    let shop = system.builder("shop").build().await.unwrap();
    let _shop = shop.wrap_handler(hang).start().await.unwrap();
    for mut service in system.registry.get("shop").await.unwrap() {
        for node in &mut service.nodes {
            node.metadata.insert(PARTIAL.to_owned(), "true".to_owned());
        }
        system.registry.register(&service, None).await.unwrap();
    }
    let client = system.service("client").await;
    let patient = buy(&client).timeout(Duration::from_secs(60));
    let patient = tokio::spawn(patient.into_future());
    tokio::task::yield_now().await;
    let began = Instant::now();

    let error = buy(&client).timeout(1000 * MS).await.unwrap_err();

    assert_eq!((error.code(), began.elapsed()), (408, 1000 * MS));
    patient.abort();
}
