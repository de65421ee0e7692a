//! A node that goes on failing is passed over, tried again, and back once it answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, AtomicU32, Ordering};

use futures_util::future::join_all;
use micro::client::Options;
use micro::prelude::*;
use micro::{Error, Running};
use tests::System;
use tokio::time::{advance, sleep};

use super::{MS, in_turn};

const SECOND: Duration = Duration::from_secs(1);

/// A node of `shop` that is not idempotent, what it answers, and how often it was asked.
struct Shop {
    _running: Running,
    code: Arc<AtomicU16>,
    asked: Arc<AtomicU32>,
}

impl Shop {
    /// How often it was asked since this was called last.
    fn asked(&self) -> u32 {
        self.asked.swap(0, Ordering::Relaxed)
    }

    fn answer(&self, code: u16) {
        self.code.store(code, Ordering::Relaxed);
    }
}

async fn shops<const N: usize>(system: &System, codes: [u16; N]) -> Vec<Shop> {
    let mut shops = Vec::new();
    for (node, code) in ["a", "b", "c", "d"].into_iter().zip(codes) {
        let (code, asked) = (Arc::new(AtomicU16::new(code)), Arc::<AtomicU32>::default());
        let (answers, asks) = (Arc::clone(&code), Arc::clone(&asked));
        let buy = unary(move |_: Context, _: Plain<()>| {
            asks.fetch_add(1, Ordering::Relaxed);
            let code = answers.load(Ordering::Relaxed);
            async move {
                sleep(MS).await;
                match code {
                    200 => Ok(Plain(())),
                    code => Err(Error::new(code, "shop", "not today")),
                }
            }
        });
        let service = system.builder("shop").id(node).build().await.unwrap();
        let running = service.endpoint("Shop.Buy", buy).start().await.unwrap();
        shops.push(Shop {
            _running: running,
            code,
            asked,
        });
    }
    shops
}

async fn calls(client: &micro::Service, count: u32) {
    for _ in 0..count {
        let call = client.client().call("shop", "Shop.Buy", &Plain(()));
        let _: micro::Result<Plain<()>> = call.await;
    }
}

fn asked(shops: &[Shop]) -> Vec<u32> {
    shops.iter().map(Shop::asked).collect()
}

#[tokio::test(start_paused = true)]
async fn a_node_that_fails_five_times_in_a_row_is_passed_over() {
    for code in [408, 502, 503, 504] {
        let system = System::default();
        let shops = shops(&system, [code, 200]).await;
        let client = in_turn(&system).build().await.unwrap();

        calls(&client, 100).await;

        assert_eq!(asked(&shops), [5, 95], "{code}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_handler_means_is_no_failure_of_its_node() {
    for code in [400, 404, 409, 429, 500, 501] {
        let system = System::default();
        let shops = shops(&system, [code, 200]).await;
        let client = in_turn(&system).build().await.unwrap();

        calls(&client, 100).await;

        assert_eq!(asked(&shops), [50, 50], "{code}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_in_between_begins_the_count_anew() {
    let system = System::default();
    let shops = shops(&system, [503, 200]).await;
    let client = in_turn(&system).build().await.unwrap();

    for _ in 0..10 {
        shops[0].answer(503);
        calls(&client, 8).await;
        shops[0].answer(200);
        calls(&client, 2).await;
    }

    assert_eq!(asked(&shops), [50, 50]);
}

#[tokio::test(start_paused = true)]
async fn at_least_half_of_the_nodes_are_left() {
    let system = System::default();
    let shops = shops(&system, [503, 503, 503, 503]).await;
    let client = in_turn(&system).build().await.unwrap();
    calls(&client, 100).await;
    asked(&shops);

    calls(&client, 100).await;

    let asked = asked(&shops);
    let left = asked.iter().filter(|asked| **asked == 50).count();
    assert_eq!(left, 2, "{asked:?}");
}

#[tokio::test(start_paused = true)]
async fn the_floor_may_be_set() {
    let system = System::default();
    let shops = shops(&system, [503, 503, 503, 503]).await;
    let mut options = Options::default();
    options.ejection.floor = 75;
    let client = in_turn(&system).client(options).build().await.unwrap();
    calls(&client, 100).await;
    asked(&shops);

    calls(&client, 90).await;

    let asked = asked(&shops);
    let left = asked.iter().filter(|asked| **asked == 30).count();
    assert_eq!(left, 3, "{asked:?}");
}

#[tokio::test(start_paused = true)]
async fn a_node_that_is_alone_is_never_passed_over() {
    let system = System::default();
    let shops = shops(&system, [503]).await;
    let client = in_turn(&system).build().await.unwrap();

    calls(&client, 50).await;

    assert_eq!(asked(&shops), [50]);
}

#[tokio::test(start_paused = true)]
async fn after_its_time_one_call_tries_the_node_and_brings_it_back() {
    let system = System::default();
    let shops = shops(&system, [503, 200]).await;
    let client = in_turn(&system).build().await.unwrap();
    calls(&client, 20).await;
    asked(&shops);
    shops[0].answer(200);
    advance(5 * SECOND).await;

    let trial = (0..20).map(|_| calls(&client, 1));
    join_all(trial).await;
    let at_first = asked(&shops);
    calls(&client, 20).await;

    assert_eq!(at_first, [1, 19]);
    assert_eq!(asked(&shops), [10, 10]);
}

#[tokio::test(start_paused = true)]
async fn a_node_that_fails_its_trial_is_out_for_longer() {
    let system = System::default();
    let shops = shops(&system, [503, 200]).await;
    let client = in_turn(&system).build().await.unwrap();
    calls(&client, 20).await;
    advance(5 * SECOND).await;
    calls(&client, 20).await;
    asked(&shops);

    advance(8 * SECOND).await;
    calls(&client, 20).await;
    let before = asked(&shops);
    advance(2 * SECOND).await;
    calls(&client, 20).await;

    assert_eq!(
        (&before[..], &asked(&shops)[..]),
        (&[0, 20][..], &[1, 19][..])
    );
}

#[tokio::test(start_paused = true)]
async fn calls_that_fail_together_make_the_time_no_longer() {
    let system = System::default();
    let shops = shops(&system, [503, 200]).await;
    let client = in_turn(&system).build().await.unwrap();
    join_all((0..200).map(|_| calls(&client, 1))).await;
    shops[0].answer(200);
    asked(&shops);

    advance(5 * SECOND).await;
    calls(&client, 20).await;

    assert_eq!(asked(&shops), [10, 10]);
}

#[tokio::test(start_paused = true)]
async fn a_trial_that_is_dropped_leaves_it_to_the_next_call() {
    let system = System::default();
    let shops = shops(&system, [503, 200]).await;
    let client = in_turn(&system).build().await.unwrap();
    calls(&client, 20).await;
    shops[0].answer(200);
    advance(5 * SECOND).await;
    asked(&shops);

    for _ in 0..2 {
        tokio::select! {
            biased;
            () = calls(&client, 1) => unreachable!(),
            () = tokio::task::yield_now() => {}
        }
    }
    let dropped = asked(&shops)[0];
    calls(&client, 20).await;

    assert_eq!((dropped, &asked(&shops)[..]), (1, &[10, 10][..]));
}

#[tokio::test(start_paused = true)]
async fn a_heartbeat_brings_no_node_back() {
    let system = System::default();
    let shops = shops(&system, [503, 200]).await;
    let client = in_turn(&system).build().await.unwrap();
    calls(&client, 20).await;
    asked(&shops);

    for service in micro::registry::Registry::get(&system.registry, "shop")
        .await
        .unwrap()
    {
        micro::registry::Registry::register(&system.registry, &service, None)
            .await
            .unwrap();
    }
    sleep(SECOND).await;
    calls(&client, 20).await;

    assert_eq!(asked(&shops), [0, 20]);
}

#[tokio::test(start_paused = true)]
async fn no_node_is_passed_over_if_no_failures_are_too_many() {
    let system = System::default();
    let shops = shops(&system, [503, 200]).await;
    let mut options = Options::default();
    options.ejection.failures = 0;
    let client = in_turn(&system).client(options).build().await.unwrap();

    calls(&client, 100).await;

    assert_eq!(asked(&shops), [50, 50]);
}
