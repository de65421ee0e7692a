//! What is known of each node, and what of it lasts when nodes or their records change.

use std::sync::Arc;

use micro::registry::{Cache, MemoryRegistry, Registry};

use crate::remote::greeter;
use crate::{PATIENCE, shows};

#[tokio::test(start_paused = true)]
async fn a_candidate_whose_record_did_not_change_is_the_same_in_the_next_snapshot() {
    let registry = MemoryRegistry::new();
    registry.register(&greeter(&["one"]), None).await.unwrap();
    let cache = Cache::new(Arc::new(registry.clone()));
    let before = cache.snapshot("greeter", PATIENCE).await.unwrap();

    registry.register(&greeter(&["two"]), None).await.unwrap();
    shows(&cache, &["one", "two"]).await;

    let after = cache.peek("greeter").unwrap();
    assert!(Arc::ptr_eq(&before.candidates[0], &after.candidates[0]));
}

#[tokio::test(start_paused = true)]
async fn the_load_of_a_node_outlives_a_change_of_its_record() {
    let registry = MemoryRegistry::new();
    registry.register(&greeter(&["one"]), None).await.unwrap();
    let cache = Cache::new(Arc::new(registry.clone()));
    let before = cache.snapshot("greeter", PATIENCE).await.unwrap();
    let _in_flight = before.candidates[0].begin();

    let mut changed = greeter(&["one"]);
    changed.nodes[0].metadata.insert("a".into(), "b".into());
    changed.nodes.extend(greeter(&["two"]).nodes);
    registry.register(&changed, None).await.unwrap();
    shows(&cache, &["one", "two"]).await;

    let after = cache.peek("greeter").unwrap();
    assert!(!Arc::ptr_eq(&before.candidates[0], &after.candidates[0]));
    assert_eq!(after.candidates[0].in_flight(), 1);
}

#[tokio::test(start_paused = true)]
async fn turns_go_on_when_nodes_come() {
    let registry = MemoryRegistry::new();
    registry.register(&greeter(&["one"]), None).await.unwrap();
    let cache = Cache::new(Arc::new(registry.clone()));
    let before = cache.snapshot("greeter", PATIENCE).await.unwrap();
    before.turn();

    registry.register(&greeter(&["two"]), None).await.unwrap();
    shows(&cache, &["one", "two"]).await;

    assert_eq!(cache.peek("greeter").unwrap().turn(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_candidate_knows_its_endpoints_by_name() {
    let registry = MemoryRegistry::new();
    registry.register(&greeter(&["one"]), None).await.unwrap();
    let cache = Cache::new(Arc::new(registry));

    let snapshot = cache.snapshot("greeter", PATIENCE).await.unwrap();

    let candidate = &snapshot.candidates[0];
    assert!(candidate.endpoint("Greeter.Hello").is_some());
    assert!(candidate.endpoint("Greeter.Bye").is_none());
}
