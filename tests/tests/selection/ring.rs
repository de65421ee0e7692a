//! Keys and the nodes that they belong to.

use std::collections::HashMap;

use micro::prelude::*;
use micro::registry::Snapshot;
use tests::System;

use crate::fleet::fleet;
use crate::greet;

const KEYS: usize = 10_000;

fn owners(snapshot: &Snapshot) -> Vec<String> {
    let owner = |key: usize| snapshot.owner(&format!("user-{key}"), &|_| true);
    (0..KEYS)
        .map(|key| owner(key).unwrap().node.id.clone())
        .collect()
}

fn names(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("node-{number}")).collect()
}

async fn numbered(count: usize) -> std::sync::Arc<Snapshot> {
    let names = names(count);
    fleet(&names.iter().map(String::as_str).collect::<Vec<_>>()).await
}

#[tokio::test]
async fn keys_are_spread_over_all_nodes() {
    let mut shares = HashMap::<String, usize>::new();

    for owner in owners(&*numbered(10).await) {
        *shares.entry(owner).or_default() += 1;
    }

    assert_eq!(shares.len(), 10);
    assert!(
        shares.values().all(|share| (500..2000).contains(share)),
        "{shares:?}"
    );
}

#[tokio::test]
async fn a_node_that_joins_takes_only_its_own_share() {
    let before = owners(&*numbered(10).await);

    let after = owners(&*numbered(11).await);

    let moved: Vec<_> = before.iter().zip(&after).filter(|(a, b)| a != b).collect();
    assert!(moved.iter().all(|(_, to)| *to == "node-10"));
    assert!((300..2000).contains(&moved.len()), "{}", moved.len());
}

#[tokio::test]
async fn a_key_belongs_to_the_same_node_in_every_process_and_version() {
    let snapshot = fleet(&["a", "b", "c"]).await;

    let owner = |key| &*snapshot.owner(key, &|_| true).unwrap().node.id;

    assert_eq!(
        ["user-1", "user-2", "user-3", "user-42", ""].map(owner),
        ["c", "b", "b", "a", "c"]
    );
}

#[tokio::test(start_paused = true)]
async fn the_keys_of_a_dead_node_move_and_the_others_stay() {
    let system = System::default();
    let mut nodes = Vec::new();
    for node in ["a", "b", "c"] {
        nodes.push(system.greeter(node).await);
    }
    let client = system.service("client").await;
    let call = async |key: usize| {
        let call = greet(&client).shard_key(format!("user-{key}"));
        call.await.unwrap().0
    };
    let mut before = Vec::new();
    for key in 0..50 {
        before.push(call(key).await);
    }

    drop(nodes.remove(0));

    for (key, before) in before.into_iter().enumerate() {
        let after = call(key).await;
        assert_eq!(after == before, before != "Hello ann from a", "{before}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_moves_on_when_its_node_is_filtered_out() {
    let system = System::default();
    let (_a, _b) = (system.greeter("a").await, system.greeter("b").await);
    let client = system.service("client").await;
    let call = || greet(&client).shard_key("user-42");
    let owner = call().await.unwrap().0;

    let others = call().filter(move |node: &micro::registry::Candidate| {
        !owner.ends_with(node.node.id.trim_start_matches("greeter-"))
    });

    let moved = others.await.unwrap().0;
    assert_ne!(moved, call().await.unwrap().0);
    assert_eq!(Plain(moved.len()).0, "Hello ann from a".len());
}
