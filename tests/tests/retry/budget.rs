//! How often all calls of a client together are repeated.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use futures_util::future::join_all;
use micro::client::Options;
use micro::prelude::*;
use tests::System;

use super::failing;

/// A client that may repeat that share of its calls, and that many a second.
async fn client(system: &System, budget: u32, reserve: u32) -> micro::Service {
    let mut options = Options::default();
    (options.retry_budget, options.retry_reserve) = (budget, reserve);
    let builder = system.builder("client").client(options);
    builder.build().await.unwrap()
}

fn buy(client: &micro::Service) -> micro::Call<Plain<()>> {
    client.client().call("shop", "Shop.Buy", &Plain(()))
}

#[tokio::test(start_paused = true)]
async fn a_service_that_fails_gets_a_tenth_more_calls_and_ten_for_each_of_ten_seconds() {
    let (system, runs) = (System::default(), Arc::<AtomicU32>::default());
    let _a = failing(&system, "a", 503, true, &runs).await;
    let _b = failing(&system, "b", 503, true, &runs).await;
    let client = client(&system, 10, 10).await;

    join_all((0..1000).map(|_| buy(&client).into_future())).await;

    let again = runs.load(Ordering::Relaxed) - 1000;
    assert!((199..=201).contains(&again), "{again}");
}

#[tokio::test(start_paused = true)]
async fn a_repetition_that_the_budget_refuses_says_so() {
    let (system, runs) = (System::default(), Arc::<AtomicU32>::default());
    let _a = failing(&system, "a", 503, true, &runs).await;
    let _b = failing(&system, "b", 503, true, &runs).await;
    let client = client(&system, 0, 0).await;

    let error = buy(&client).await.unwrap_err();

    assert_eq!((error.code(), runs.load(Ordering::Relaxed)), (503, 1));
    assert!(error.detail().contains("client_retry_budget"), "{error}");
    assert!(error.detail().ends_with("not today"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn what_never_reached_a_handler_needs_no_budget() {
    let system = System::default();
    let _alive = system.greeter("alive").await;
    let client = client(&system, 0, 0).await;
    for node in ["a", "b", "c"] {
        // Dropped without deregistering: still announced, but nothing listens.
        drop(system.greeter(node).await);
    }

    for _ in 0..20 {
        let name = Plain("ann".to_owned());
        let call = client.client().call("greeter", "Greeter.Hello", &name);

        let reply: Plain<String> = call.await.unwrap();

        assert_eq!(reply.0, "Hello ann from alive");
    }
}

#[tokio::test(start_paused = true)]
async fn the_second_attempt_is_known_as_such_to_the_handler() {
    let system = System::default();
    let mut nodes = Vec::new();
    for node in ["a", "b"] {
        let count = unary(|ctx: Context, _: Plain<()>| async move {
            match ctx.attempt() {
                1 => Err(micro::Error::unavailable("shop", "not today")),
                number => Ok(Plain((number, ctx.metadata().len()))),
            }
        });
        let service = system.builder("shop").id(node).build().await.unwrap();
        let service = service.endpoint("Shop.Buy", count.idempotent());
        nodes.push(service.start().await.unwrap());
    }
    let client = client(&system, 10, 10).await;

    let call = client.client().call("shop", "Shop.Buy", &Plain(()));
    let seen: Plain<(u32, usize)> = call.await.unwrap();

    // It is no metadata that would be handed on.
    assert_eq!(seen.0, (2, 0));
}
