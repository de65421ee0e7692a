//! A client sees nodes come and go, and keeps calling those it knows while their registry is away.

mod candidates;
mod remote;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use micro::registry::{Cache, MemoryRegistry, Registry, Snapshot};
use tokio::time::{Instant, sleep};

use remote::{Remote, greeter};

const TTL: Duration = Duration::from_secs(90);
const PATIENCE: Duration = Duration::from_secs(2);

fn shown(snapshot: &Snapshot) -> Vec<&str> {
    let candidates = snapshot.candidates.iter();
    candidates.map(|one| one.node.id.as_str()).collect()
}

/// Waits until the cache shows `expected`, and gives what it shows.
async fn shows(cache: &Cache, expected: &[&str]) {
    loop {
        let snapshot = cache.peek("greeter");
        if snapshot.as_deref().map_or(Vec::new(), shown) == expected {
            return;
        }
        // Moves the paused clock; nothing is waited for.
        sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn peeking_shows_nothing_before_the_first_snapshot() {
    let registry = MemoryRegistry::new();
    registry.register(&greeter(&["one"]), None).await.unwrap();
    let cache = Cache::new(Arc::new(registry));

    let before = cache.peek("greeter");
    cache.snapshot("greeter", PATIENCE).await.unwrap();

    assert!(before.is_none());
    assert_eq!(shown(&cache.peek("greeter").unwrap()), ["one"]);
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_callers_share_one_watcher() {
    let remote = Remote::default();
    remote.register(&greeter(&["one"]), None).await.unwrap();
    let cache = Cache::new(Arc::new(remote.clone()));

    let calls = (0..10_000).map(|_| cache.snapshot("greeter", PATIENCE));
    let found = futures_util::future::try_join_all(calls).await.unwrap();

    assert_eq!(found.len(), 10_000);
    assert_eq!(remote.watches.load(Ordering::SeqCst), 1);
    assert_eq!(remote.gets.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn a_caller_waits_for_the_first_node() {
    let registry = MemoryRegistry::new();
    let cache = Cache::new(Arc::new(registry.clone()));
    let late = async {
        sleep(Duration::from_secs(1)).await;
        registry.register(&greeter(&["one"]), None).await.unwrap();
    };

    let (found, ()) = tokio::join!(cache.snapshot("greeter", PATIENCE), late);

    assert_eq!(shown(&found.unwrap()), ["one"]);
}

#[tokio::test(start_paused = true)]
async fn callers_that_wait_for_a_first_node_see_those_that_come_with_it() {
    let registry = MemoryRegistry::new();
    let cache = Cache::new(Arc::new(registry.clone()));
    let late = async {
        for node in ["one", "two", "three"] {
            sleep(Duration::from_millis(5)).await;
            registry.register(&greeter(&[node]), None).await.unwrap();
        }
    };

    let (found, ()) = tokio::join!(cache.snapshot("greeter", PATIENCE), late);

    assert_eq!(shown(&found.unwrap()), ["one", "three", "two"]);
}

#[tokio::test(start_paused = true)]
async fn nodes_come_and_go_in_the_snapshot() {
    let registry = MemoryRegistry::new();
    registry.register(&greeter(&["one"]), None).await.unwrap();
    let cache = Cache::new(Arc::new(registry.clone()));
    cache.snapshot("greeter", PATIENCE).await.unwrap();

    registry.register(&greeter(&["two"]), None).await.unwrap();
    shows(&cache, &["one", "two"]).await;
    registry.deregister(&greeter(&["one"])).await.unwrap();

    shows(&cache, &["two"]).await;
}

#[tokio::test(start_paused = true)]
async fn an_unknown_name_is_not_found_after_the_wait() {
    let cache = Cache::new(Arc::new(MemoryRegistry::new()));
    let began = Instant::now();

    let error = cache.snapshot("greeter", PATIENCE).await.unwrap_err();

    assert_eq!((error.code(), error.id()), (404, "micro.registry"));
    assert!(error.is_never_reached());
    assert_eq!(began.elapsed(), PATIENCE);
}

#[tokio::test(start_paused = true)]
async fn an_unknown_name_is_waited_for_once() {
    let cache = Cache::new(Arc::new(MemoryRegistry::new()));
    cache.snapshot("greeter", PATIENCE).await.unwrap_err();
    let began = Instant::now();

    cache.snapshot("greeter", PATIENCE).await.unwrap_err();

    assert_eq!(began.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn the_error_for_an_unknown_name_says_what_was_asked_and_seen() {
    let remote = Remote::default();
    remote.register(&greeter(&["one"]), None).await.unwrap();
    let cache = Cache::new(Arc::new(remote));

    let error = cache.snapshot("greter", PATIENCE).await.unwrap_err();

    assert_eq!(
        error.detail(),
        "nothing announced a service called `greter` (registry: remote at 127.0.0.1:8500); \
         did you mean `greeter`? seen: greeter"
    );
}

#[tokio::test(start_paused = true)]
async fn an_empty_name_is_a_bad_request() {
    let cache = Cache::new(Arc::new(MemoryRegistry::new()));

    let error = cache.snapshot("", PATIENCE).await.unwrap_err();

    assert_eq!(error.code(), 400);
}

#[tokio::test(start_paused = true)]
async fn a_service_without_a_live_node_is_unavailable_and_named() {
    let registry = MemoryRegistry::new();
    registry
        .register(&greeter(&["one"]), Some(TTL))
        .await
        .unwrap();
    let cache = Cache::new(Arc::new(registry));
    sleep(TTL).await;

    let error = cache.snapshot("greeter", PATIENCE).await.unwrap_err();

    assert_eq!(
        (error.code(), error.detail()),
        (503, "no node of `greeter` is alive (registry: memory)")
    );
    assert!(error.is_never_reached());
}

#[tokio::test(start_paused = true)]
async fn a_service_whose_last_node_left_is_waited_for() {
    let registry = MemoryRegistry::new();
    registry.register(&greeter(&["one"]), None).await.unwrap();
    let cache = Cache::new(Arc::new(registry.clone()));
    cache.snapshot("greeter", PATIENCE).await.unwrap();
    sleep(TTL).await;
    registry.deregister(&greeter(&["one"])).await.unwrap();
    shows(&cache, &[]).await;
    let restart = async {
        sleep(Duration::from_secs(1)).await;
        registry.register(&greeter(&["two"]), None).await.unwrap();
    };

    let (found, ()) = tokio::join!(cache.snapshot("greeter", PATIENCE), restart);

    assert_eq!(shown(&found.unwrap()), ["two"]);
}

#[tokio::test(start_paused = true)]
async fn a_registry_that_cannot_be_reached_is_not_a_missing_service() {
    let remote = Remote::default();
    remote.go_down();
    let cache = Cache::new(Arc::new(remote));

    let error = cache.snapshot("greeter", PATIENCE).await.unwrap_err();

    assert_eq!(error.code(), 503);
    assert!(error.detail().contains("cannot be reached"), "{error}");
    assert!(error.is_never_reached() && std::error::Error::source(&error).is_some());
}

#[tokio::test(start_paused = true)]
async fn the_last_known_nodes_stay_in_use_while_the_registry_is_away() {
    let remote = Remote::default();
    remote.register(&greeter(&["one"]), None).await.unwrap();
    let cache = Cache::new(Arc::new(remote.clone()));
    cache.snapshot("greeter", PATIENCE).await.unwrap();

    sleep(Duration::from_secs(60)).await;
    remote.go_down();
    sleep(Duration::from_secs(600)).await;

    assert_eq!(shown(&cache.peek("greeter").unwrap()), ["one"]);
    assert_eq!(cache.age("greeter"), Some(Duration::from_secs(600)));
}

#[tokio::test(start_paused = true)]
async fn a_registry_that_came_back_is_watched_again() {
    let remote = Remote::default();
    remote.register(&greeter(&["one"]), None).await.unwrap();
    let cache = Cache::new(Arc::new(remote.clone()));
    cache.snapshot("greeter", PATIENCE).await.unwrap();
    remote.go_down();
    sleep(Duration::from_secs(60)).await;

    remote.come_back();
    remote.register(&greeter(&["two"]), None).await.unwrap();

    shows(&cache, &["one", "two"]).await;
    assert_eq!(cache.age("greeter"), Some(Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn a_registry_that_came_back_empty_is_given_time_to_be_filled() {
    let remote = Remote::default();
    remote.register(&greeter(&["one"]), None).await.unwrap();
    let cache = Cache::new(Arc::new(remote.clone()));
    cache.snapshot("greeter", PATIENCE).await.unwrap();
    remote.go_down();
    remote.deregister(&greeter(&["one"])).await.unwrap();

    remote.come_back();
    sleep(Duration::from_secs(30)).await;
    let soon = cache.peek("greeter");
    sleep(Duration::from_secs(30)).await;

    assert!(soon.is_some());
    assert!(cache.peek("greeter").is_none());
}

#[tokio::test(start_paused = true)]
async fn a_watcher_that_ended_is_replaced() {
    let remote = Remote::default();
    remote.register(&greeter(&["one"]), None).await.unwrap();
    let cache = Cache::new(Arc::new(remote.clone()));
    cache.snapshot("greeter", PATIENCE).await.unwrap();

    for n in 0..1500 {
        remote
            .register(&greeter(&[&n.to_string()]), None)
            .await
            .unwrap();
        remote
            .deregister(&greeter(&[&n.to_string()]))
            .await
            .unwrap();
    }
    remote.register(&greeter(&["two"]), None).await.unwrap();

    shows(&cache, &["one", "two"]).await;
    assert_eq!(remote.watches.load(Ordering::SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn an_ejected_node_is_not_offered_while_others_are_left() {
    let registry = MemoryRegistry::new();
    registry
        .register(&greeter(&["one", "two"]), None)
        .await
        .unwrap();
    let cache = Cache::new(Arc::new(registry));
    let snapshot = cache.snapshot("greeter", PATIENCE).await.unwrap();

    cache.eject(&snapshot.candidates[0]);

    let offered = snapshot.offered().map(|one| one.node.id.as_str());
    assert_eq!(offered.collect::<Vec<_>>(), ["two"]);
}

#[tokio::test(start_paused = true)]
async fn ejected_nodes_are_offered_when_no_other_is_left() {
    let registry = MemoryRegistry::new();
    registry
        .register(&greeter(&["one", "two"]), None)
        .await
        .unwrap();
    let cache = Cache::new(Arc::new(registry));
    let snapshot = cache.snapshot("greeter", PATIENCE).await.unwrap();

    for candidate in &snapshot.candidates {
        cache.eject(candidate);
    }

    assert_eq!(snapshot.offered().count(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_ejected_node_that_is_announced_anew_is_offered_again() {
    let registry = MemoryRegistry::new();
    registry
        .register(&greeter(&["one", "two"]), None)
        .await
        .unwrap();
    let cache = Cache::new(Arc::new(registry.clone()));
    let snapshot = cache.snapshot("greeter", PATIENCE).await.unwrap();
    cache.eject(&snapshot.candidates[0]);

    registry.deregister(&greeter(&["one"])).await.unwrap();
    shows(&cache, &["two"]).await;
    registry.register(&greeter(&["one"]), None).await.unwrap();
    shows(&cache, &["one", "two"]).await;

    assert_eq!(cache.peek("greeter").unwrap().offered().count(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_ejected_node_whose_record_stays_is_offered_again_after_half_a_minute() {
    let registry = MemoryRegistry::new();
    registry
        .register(&greeter(&["one", "two"]), None)
        .await
        .unwrap();
    let cache = Cache::new(Arc::new(registry));
    let snapshot = cache.snapshot("greeter", PATIENCE).await.unwrap();

    cache.eject(&snapshot.candidates[0]);
    sleep(Duration::from_secs(31)).await;

    assert_eq!(snapshot.offered().count(), 2);
}

#[tokio::test(start_paused = true)]
async fn ejecting_asks_the_registry_again_at_most_once_a_second() {
    let remote = Remote::default();
    remote
        .register(&greeter(&["one", "two"]), None)
        .await
        .unwrap();
    let cache = Cache::new(Arc::new(remote.clone()));
    let snapshot = cache.snapshot("greeter", PATIENCE).await.unwrap();

    for _ in 0..100 {
        cache.eject(&snapshot.candidates[0]);
        sleep(Duration::from_millis(20)).await;
    }

    let gets = remote.gets.load(Ordering::SeqCst);
    assert!((2..=3).contains(&gets), "{gets} gets in 2 s");
}

#[tokio::test(start_paused = true)]
async fn dropping_the_last_cache_ends_its_tasks() {
    let remote = Remote::default();
    remote.register(&greeter(&["one"]), None).await.unwrap();
    let cache = Cache::new(Arc::new(remote.clone()));
    cache.snapshot("greeter", PATIENCE).await.unwrap();
    let mut watchers = remote.watchers.subscribe();
    let clone = cache.clone();

    drop(cache);
    assert_eq!(*watchers.borrow(), 1);
    drop(clone);

    watchers.wait_for(|watchers| *watchers == 0).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_name_that_stays_unknown_is_no_longer_watched() {
    let remote = Remote::default();
    let cache = Cache::new(Arc::new(remote.clone()));
    let mut watchers = remote.watchers.subscribe();

    cache.snapshot("greter", PATIENCE).await.unwrap_err();

    watchers.wait_for(|watchers| *watchers == 0).await.unwrap();
    assert!(!format!("{cache:?}").contains("greter"));
}
