//! Nodes that stand on the command line.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use micro::broker::{Broker as _, Consumer, Mode, Terms};
use micro::prelude::*;
use micro::registry::{Options, Registry, StaticRegistry};
use micro::transport::{AutoTransport, FramesTransport, HttpTransport, Transport};
use micro::{Error, Running};
use tests::System;

fn open(addresses: &[String]) -> micro::Result<StaticRegistry> {
    let mut options = Options::default();
    options.addresses = addresses.to_vec();
    StaticRegistry::new(&options)
}

#[tokio::test]
async fn a_subscriber_of_the_http_broker_that_nobody_would_find_is_refused() {
    let mut options = micro::broker::Options::default();
    options.registry = Some(Arc::new(open(&[]).unwrap()));
    let broker = micro::broker::HttpBroker::new(&options).unwrap();
    let consumer = Consumer::new(|_| Box::pin(async { Ok(()) }));

    let subscribed = broker
        .subscribe("orders", Terms::new(Mode::group("g")), consumer)
        .await;

    let error = subscribed.unwrap_err();
    assert_eq!(error.code(), 400);
    assert!(error.detail().contains("announces nothing"), "{error}");
}

/// A node that nobody can find but by its address; it counts its runs, and is down for its callers.
async fn failing(transport: impl Transport + 'static, runs: &Arc<AtomicU32>) -> (Running, String) {
    let runs = Arc::clone(runs);
    let fail = unary(move |_: Context, _: Plain<()>| {
        runs.fetch_add(1, Ordering::Relaxed);
        std::future::ready(Err::<Plain<()>, _>(Error::unavailable("shop", "not today")))
    });
    let service = System::default()
        .builder("shop")
        .registry(open(&[]).unwrap())
        .transport(transport)
        .build()
        .await
        .unwrap();
    let running = service
        .endpoint("Shop.Buy", fail.idempotent())
        .start()
        .await
        .unwrap();
    let entry = format!("shop={}", running.address());
    (running, entry)
}

async fn buy(transport: impl Transport + 'static, nodes: &[String]) -> Error {
    let client = System::default()
        .builder("client")
        .registry(open(nodes).unwrap())
        .transport(transport)
        .build()
        .await
        .unwrap();
    let call = client
        .client()
        .call::<_, Plain<()>>("shop", "Shop.Buy", &Plain(()));
    call.await.unwrap_err()
}

#[tokio::test]
async fn nodes_are_called_at_their_addresses_as_they_say_themselves_that_they_want() {
    let runs = Arc::default();
    let (_one, one) = failing(AutoTransport::default(), &runs).await;
    let (_two, two) = failing(AutoTransport::default(), &runs).await;

    let error = buy(AutoTransport::default(), &[one, two]).await;

    // What a node has to say of its endpoints makes it known that this one may be repeated.
    assert_eq!(error.code(), 503);
    assert_eq!(runs.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn nodes_are_called_over_http_alone_and_in_frames_alone() {
    let runs = Arc::default();
    let (_one, one) = failing(HttpTransport::default(), &runs).await;
    let (_two, two) = failing(FramesTransport::default(), &runs).await;

    let over_http = buy(HttpTransport::default(), &[one]).await;
    let in_frames = buy(FramesTransport::default(), &[two]).await;

    for error in [over_http, in_frames] {
        assert!(error.detail().contains("not today"), "{error}");
    }
}

#[tokio::test]
async fn a_service_without_an_address_is_not_found_and_the_error_says_what_to_write() {
    let registry = open(&["other=127.0.0.1:1".to_owned()]).unwrap();

    let error = registry.get("shop").await.unwrap_err();

    assert_eq!(error.code(), 404);
    assert!(error.detail().contains("shop=HOST:PORT"), "{error}");
}

#[tokio::test]
async fn an_address_that_names_no_service_is_refused_with_the_form_it_should_have() {
    let error = open(&["10.0.0.1:8080".to_owned()]).unwrap_err();

    assert_eq!(error.code(), 400);
    assert!(
        error.detail().contains("such as greeter=10.0.0.1:8080"),
        "{error}"
    );
}
