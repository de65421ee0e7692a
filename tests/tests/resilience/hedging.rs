//! A second node is asked when the first takes its time.

use futures_util::future::join_all;
use micro::Error;
use micro::client::{Method, Options};
use micro::prelude::*;
use tests::System;
use tokio::time::{Instant, sleep};

use super::{HOUR, MS, Seen, buy, in_turn, shop};

#[tokio::test(start_paused = true)]
async fn a_second_node_answers_for_one_that_hangs() {
    let (system, seen) = (System::default(), Seen::default());
    let _a = shop(&system, "a", HOUR, None, &seen).await;
    let _b = shop(&system, "b", MS, None, &seen).await;
    let client = in_turn(&system).build().await.unwrap();
    let began = Instant::now();

    let reply = buy(&client).hedge(20 * MS).await.unwrap();

    assert_eq!((&*reply.0, began.elapsed()), ("b", 21 * MS));
}

#[tokio::test(start_paused = true)]
async fn the_handler_that_is_not_needed_any_more_is_cancelled() {
    for (a, b) in [(HOUR, MS), (30 * MS, HOUR)] {
        let (system, seen) = (System::default(), Seen::default());
        let _a = shop(&system, "a", a, None, &seen).await;
        let _b = shop(&system, "b", b, None, &seen).await;
        let client = in_turn(&system).build().await.unwrap();

        buy(&client).hedge(20 * MS).await.unwrap();

        assert_eq!((seen.begun(), seen.running()), (2, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_within_the_delay_asks_no_second_node() {
    let (system, seen) = (System::default(), Seen::default());
    let _a = shop(&system, "a", 10 * MS, None, &seen).await;
    let _b = shop(&system, "b", MS, None, &seen).await;
    let client = in_turn(&system).build().await.unwrap();

    let reply = buy(&client).hedge(20 * MS).await.unwrap();

    assert_eq!((&*reply.0, seen.begun()), ("a", 1));
}

#[tokio::test(start_paused = true)]
async fn a_compiled_contract_that_says_nothing_of_idempotent_is_not_hedged() {
    let (system, seen) = (System::default(), Seen::default());
    let _a = shop(&system, "a", 50 * MS, None, &seen).await;
    let _b = shop(&system, "b", 50 * MS, None, &seen).await;
    let client = in_turn(&system).build().await.unwrap();
    let client = micro::ServiceClient::named("shop", &client);
    let (unit, text) = (
        <Plain<()> as micro::Message>::format(),
        <Plain<String> as micro::Message>::format(),
    );

    let once = client.unary(&Method::new("Shop.Buy"), unit, text, Plain(()));
    once.hedge(MS).await.unwrap();

    assert_eq!(seen.begun(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_node_that_does_not_say_idempotent_is_not_hedged() {
    let (system, seen) = (System::default(), Seen::default());
    let mut nodes = Vec::new();
    for node in ["a", "b"] {
        let seen = seen.clone();
        let slow = unary(move |_: Context, _: Plain<()>| {
            let run = seen.run();
            async move {
                sleep(50 * MS).await;
                drop(run);
                Ok::<_, Error>(Plain(String::new()))
            }
        });
        let service = system.builder("shop").id(node).build().await.unwrap();
        nodes.push(service.endpoint("Shop.Buy", slow).start().await.unwrap());
    }
    let client = in_turn(&system).build().await.unwrap();

    buy(&client).hedge(MS).await.unwrap();

    assert_eq!(seen.begun(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_node_that_is_alone_is_not_hedged() {
    let (system, seen) = (System::default(), Seen::default());
    let _a = shop(&system, "a", 50 * MS, None, &seen).await;
    let client = in_turn(&system).build().await.unwrap();

    buy(&client).hedge(MS).await.unwrap();

    assert_eq!(seen.begun(), 1);
}

#[tokio::test(start_paused = true)]
async fn hedging_spends_the_budget_of_repetitions() {
    let (system, seen) = (System::default(), Seen::default());
    let _a = shop(&system, "a", 50 * MS, None, &seen).await;
    let _b = shop(&system, "b", 50 * MS, None, &seen).await;
    let mut options = Options::default();
    (options.retry_budget, options.retry_reserve, options.hedge) = (10, 0, MS);
    let client = in_turn(&system).client(options).build().await.unwrap();

    for reply in join_all((0..1000).map(|_| buy(&client).into_future())).await {
        reply.unwrap();
    }

    let hedged = seen.begun() - 1000;
    assert!((95..=100).contains(&hedged), "{hedged}");
}

#[tokio::test(start_paused = true)]
async fn a_call_may_refuse_what_its_client_does() {
    let (system, seen) = (System::default(), Seen::default());
    let _a = shop(&system, "a", 50 * MS, None, &seen).await;
    let _b = shop(&system, "b", 50 * MS, None, &seen).await;
    let mut options = Options::default();
    options.hedge = MS;
    let client = in_turn(&system).client(options).build().await.unwrap();

    buy(&client).hedge(Duration::ZERO).await.unwrap();

    assert_eq!(seen.begun(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_may_be_mended_waits_for_the_other_node() {
    for (failing, good) in [("a", "b"), ("b", "a")] {
        let (system, seen) = (System::default(), Seen::default());
        let _failing = shop(&system, failing, 30 * MS, Some(503), &seen).await;
        let _good = shop(&system, good, 90 * MS, None, &seen).await;
        let client = in_turn(&system).build().await.unwrap();

        let reply = buy(&client).hedge(20 * MS).await.unwrap();

        assert_eq!((&*reply.0, seen.begun()), (good, 2));
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_that_the_handler_means_is_an_answer() {
    let (system, seen) = (System::default(), Seen::default());
    let _a = shop(&system, "a", HOUR, None, &seen).await;
    let _b = shop(&system, "b", MS, Some(409), &seen).await;
    let client = in_turn(&system).build().await.unwrap();

    let error = buy(&client).hedge(20 * MS).await.unwrap_err();

    assert_eq!((error.code(), seen.running()), (409, 0));
}

#[tokio::test(start_paused = true)]
async fn when_both_fail_a_third_node_is_tried() {
    let (system, seen) = (System::default(), Seen::default());
    let _a = shop(&system, "a", 30 * MS, Some(503), &seen).await;
    let _b = shop(&system, "b", MS, None, &seen).await;
    // Second in turn when `a` is out.
    let _c = shop(&system, "c", 30 * MS, Some(503), &seen).await;
    let client = in_turn(&system).build().await.unwrap();

    let reply = buy(&client).hedge(20 * MS).await.unwrap();

    assert_eq!((&*reply.0, seen.begun()), ("b", 3));
}

#[tokio::test(start_paused = true)]
async fn both_nodes_share_the_time_of_the_call() {
    let (system, seen) = (System::default(), Seen::default());
    let _a = shop(&system, "a", HOUR, None, &seen).await;
    let _b = shop(&system, "b", HOUR, None, &seen).await;
    let client = in_turn(&system).build().await.unwrap();
    let began = Instant::now();

    let call = buy(&client).hedge(20 * MS).timeout(100 * MS);
    let error = call.await.unwrap_err();

    assert_eq!((error.code(), seen.running()), (408, 0));
    assert!(began.elapsed() <= 101 * MS, "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn the_second_node_knows_that_it_is_the_second() {
    let system = System::default();
    let mut nodes = Vec::new();
    for node in ["a", "b"] {
        let count = unary(async |ctx: Context, _: Plain<()>| {
            if ctx.attempt() == 1 {
                sleep(HOUR).await;
            }
            Ok::<_, Error>(Plain(ctx.attempt()))
        });
        let service = system.builder("shop").id(node).build().await.unwrap();
        let service = service.endpoint("Shop.Buy", count.idempotent());
        nodes.push(service.start().await.unwrap());
    }
    let client = in_turn(&system).build().await.unwrap();

    let call = client.client().call("shop", "Shop.Buy", &Plain(()));
    let attempt: Plain<u32> = call.hedge(20 * MS).await.unwrap();

    assert_eq!(attempt.0, 2);
}

#[tokio::test(start_paused = true)]
async fn neither_node_counts_as_busy_afterwards() {
    let (system, seen) = (System::default(), Seen::default());
    let _a = shop(&system, "a", HOUR, None, &seen).await;
    let _b = shop(&system, "b", MS, None, &seen).await;
    let client = in_turn(&system).build().await.unwrap();

    buy(&client).hedge(20 * MS).await.unwrap();

    let idle = buy(&client).filter(|node: &micro::registry::Candidate| node.in_flight() == 0);
    assert_eq!(idle.hedge(20 * MS).await.unwrap().0, "b");
    assert_eq!(seen.running(), 0);
}

#[tokio::test(start_paused = true)]
async fn metrics_count_the_calls_that_were_hedged() {
    let (system, seen) = (System::default(), Seen::default());
    let _a = shop(&system, "a", HOUR, None, &seen).await;
    let _b = shop(&system, "b", MS, None, &seen).await;
    let client = in_turn(&system).metrics().build().await.unwrap();

    buy(&client).hedge(20 * MS).await.unwrap();

    let numbers = client.metrics().unwrap().snapshot();
    let series = &numbers.client[0];
    assert_eq!((series.hedged, &series.outcomes[..]), (1, &[(200, 1)][..]));
    let line = r#"micro_client_hedged_total{service="shop",endpoint="Shop.Buy"} 1"#;
    assert!(numbers.to_string().contains(line), "{numbers}");
}
