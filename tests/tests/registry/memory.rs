//! What the memory registry promises beyond that.

use std::time::Duration;

use futures_util::StreamExt;
use micro::registry::{MemoryRegistry, Registry};
use tokio::time::{Instant, sleep};

use super::greeter;

const TTL: Duration = Duration::from_secs(90);

#[tokio::test(start_paused = true)]
async fn clones_share_their_services() {
    let registry = MemoryRegistry::new();

    registry
        .clone()
        .register(&greeter(&["one"]), None)
        .await
        .unwrap();

    assert_eq!(registry.get("greeter").await.unwrap(), [greeter(&["one"])]);
}

#[tokio::test(start_paused = true)]
async fn a_node_goes_when_its_ttl_ends_and_not_before() {
    let registry = MemoryRegistry::new();
    registry
        .register(&greeter(&["one"]), Some(TTL))
        .await
        .unwrap();
    let mut events = registry.watch(Some("greeter")).await.unwrap();
    let began = Instant::now();

    events.next().await.unwrap().unwrap();

    assert_eq!(began.elapsed(), TTL);
}

#[tokio::test(start_paused = true)]
async fn a_ttl_that_is_shortened_ends_sooner() {
    let registry = MemoryRegistry::new();
    registry
        .register(&greeter(&["one"]), Some(TTL))
        .await
        .unwrap();
    let mut events = registry.watch(Some("greeter")).await.unwrap();
    let began = Instant::now();

    let shorten = async {
        sleep(TTL / 10).await;
        registry
            .register(&greeter(&["one"]), Some(TTL / 10))
            .await
            .unwrap();
    };
    tokio::join!(events.next(), shorten).0.unwrap().unwrap();

    assert_eq!(began.elapsed(), TTL / 5);
}

#[tokio::test(start_paused = true)]
async fn a_service_whose_nodes_expired_stays_known() {
    let registry = MemoryRegistry::new();
    registry
        .register(&greeter(&["one"]), Some(TTL))
        .await
        .unwrap();

    sleep(TTL).await;

    assert_eq!(registry.get("greeter").await.unwrap(), [greeter(&[])]);
}

#[tokio::test(start_paused = true)]
async fn a_version_that_no_node_runs_any_more_is_forgotten() {
    let registry = MemoryRegistry::new();
    let mut newer = greeter(&["one"]);
    newer.version = "2.0.0".to_owned();

    registry.register(&greeter(&["one"]), None).await.unwrap();
    registry.register(&newer, None).await.unwrap();

    assert_eq!(registry.get("greeter").await.unwrap(), [newer]);
}

#[tokio::test(start_paused = true)]
async fn a_watcher_that_fell_behind_ends() {
    let registry = MemoryRegistry::new();
    let mut events = registry.watch(None).await.unwrap();

    for n in 0..1500 {
        registry
            .register(&greeter(&[&n.to_string()]), None)
            .await
            .unwrap();
    }

    assert!(events.next().await.is_none());
}
