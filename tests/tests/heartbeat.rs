//! A node stays in its registry for as long as it runs, and no longer.

use micro::prelude::*;
use micro::registry::{Event, Registry, Watcher};
use tests::System;

async fn is_known(system: &System) -> bool {
    let found = system.registry.get("greeter").await;
    found.is_ok_and(|services| services.iter().any(|own| !own.nodes.is_empty()))
}

/// The next change of the service; time runs on until it comes.
async fn next(watcher: &mut Watcher) -> Event {
    watcher.next().await.unwrap().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_node_is_renewed_before_its_life_is_over() {
    let system = System::default();
    let life = Duration::from_secs(10);
    let builder = system.builder("greeter").register_ttl(life);

    let running = builder.build().await.unwrap().start().await.unwrap();
    tokio::time::advance(Duration::from_secs(1)).await;
    let mut watcher = system.registry.watch(Some("greeter")).await.unwrap();
    let gone = tokio::time::timeout(life * 10, next(&mut watcher)).await;

    assert!(gone.is_err(), "{gone:?}");
    assert!(is_known(&system).await);
    drop(running);
}

#[tokio::test(start_paused = true)]
async fn a_node_that_is_never_renewed_is_gone_after_its_life() {
    let system = System::default();
    let builder = system
        .builder("greeter")
        .register_ttl(Duration::from_secs(10));
    let builder = builder.register_interval(Duration::ZERO);

    let _running = builder.build().await.unwrap().start().await.unwrap();
    let mut watcher = system.registry.watch(Some("greeter")).await.unwrap();
    next(&mut watcher).await;

    assert!(!is_known(&system).await);
}
