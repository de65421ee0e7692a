//! Layers of tower stand round calls as ours do, and what they say becomes a code.

use micro::prelude::*;
use micro::{Error, Service};
use tests::System;
use tokio::time::{Instant, sleep};
use tower::ServiceBuilder;
use tower::limit::{ConcurrencyLimitLayer, GlobalConcurrencyLimitLayer};
use tower::load_shed::LoadShedLayer;
use tower::timeout::TimeoutLayer;

use super::{HOUR, MS, buy, in_turn, printed};

async fn slow(system: &System) -> Service {
    let buy = unary(async |_: Context, _: Plain<()>| {
        sleep(HOUR).await;
        Ok::<_, Error>(Plain(String::new()))
    });
    let service = system.service("shop").await;
    service.endpoint("Shop.Buy", buy)
}

#[tokio::test(start_paused = true)]
async fn an_elapsed_timeout_is_a_408() {
    let system = System::default();
    let service = slow(&system).await;
    let service = service.wrap_handler(TimeoutLayer::new(100 * MS));
    let _shop = service.start().await.unwrap();
    let client = in_turn(&system).build().await.unwrap();
    let began = Instant::now();

    let error = buy(&client).await.unwrap_err();

    assert_eq!((error.code(), error.is_never_reached()), (408, false));
    assert!(began.elapsed() <= 102 * MS, "{:?}", began.elapsed());
    printed(&error);
}

#[tokio::test(start_paused = true)]
async fn what_load_shed_refuses_is_a_429_that_never_reached_a_handler() {
    let system = System::default();
    let service = slow(&system).await;
    let shed = ServiceBuilder::new()
        .layer(LoadShedLayer::new())
        .layer(GlobalConcurrencyLimitLayer::new(1))
        .into_inner();
    let _shop = service.wrap_handler(shed).start().await.unwrap();
    let client = in_turn(&system).build().await.unwrap();
    let hanging = tokio::spawn(buy(&client).into_future());
    tokio::task::yield_now().await;

    let error = buy(&client).await.unwrap_err();

    assert_eq!((error.code(), error.is_never_reached()), (429, true));
    printed(&error);
    hanging.abort();
}

#[tokio::test(start_paused = true)]
async fn a_concurrency_limit_of_tower_lets_others_wait() {
    let system = System::default();
    let service = slow(&system).await;
    let _shop = service.start().await.unwrap();
    let client = in_turn(&system).build().await.unwrap();
    let client = client.wrap_client(ConcurrencyLimitLayer::new(1));
    let hanging = tokio::spawn(buy(&client).timeout(100 * MS).into_future());
    tokio::task::yield_now().await;
    let began = Instant::now();

    let error = buy(&client).timeout(50 * MS).await.unwrap_err();

    // It waited for its turn for all the time that it had.
    assert_eq!((error.code(), began.elapsed()), (408, 50 * MS));
    hanging.await.unwrap().unwrap_err();
}
