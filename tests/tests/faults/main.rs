//! Calls while nodes are killed, stopped and started again: real processes, found by mDNS on loopback.

mod calls;
#[cfg(feature = "live")]
mod long;
mod process;

use std::time::Duration;

use micro::Result;

use calls::{Calls, Load};
use process::{BUY, LOOK, Shop};

/// 200 calls a second of what may run twice.
const LOAD: Load = Load {
    endpoint: |_| LOOK,
    period: Duration::from_millis(5),
    at_once: 1,
    least: 1200,
};

fn assert_none_failed(replies: &[Result<()>]) {
    let failed: Vec<_> = replies
        .iter()
        .filter_map(|reply| reply.as_ref().err())
        .collect();
    assert!(
        failed.is_empty(),
        "{} of {}: {}",
        failed.len(),
        replies.len(),
        failed[0]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_call_of_an_idempotent_endpoint_fails_while_nodes_are_killed_stopped_and_restarted() {
    let mut shop = Shop::new(false).await;
    let (a, b, _c) = (shop.node().await, shop.node().await, shop.node().await);
    let mut calls = Calls::begin(&shop, LOAD).await;

    calls.reach(&a).await;
    a.kill();
    let a = shop.node().await;
    calls.reach(&a).await;
    b.terminate(&mut shop).await;
    let replies = calls.end().await;

    assert_none_failed(&replies);
    let mut runs = shop.runs();
    runs.dedup();
    assert_eq!(runs, (0..replies.len() as u64).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_call_of_an_idempotent_endpoint_fails_when_a_node_is_killed_under_the_first_calls() {
    let mut shop = Shop::new(false).await;
    let mut nodes = vec![shop.node().await, shop.node().await, shop.node().await];
    let load = Load {
        at_once: 100,
        ..LOAD
    };
    let mut calls = Calls::begin(&shop, load).await;

    calls.reach_one_of(&mut nodes).await.kill();
    let replies = calls.end().await;

    assert_none_failed(&replies);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_call_fails_or_runs_twice_while_nodes_are_stopped_and_restarted() {
    let mut shop = Shop::new(false).await;
    let mut nodes = vec![shop.node().await, shop.node().await, shop.node().await];
    let load = Load {
        endpoint: |_| BUY,
        ..LOAD
    };
    let mut calls = Calls::begin(&shop, load).await;

    for _ in 0..3 {
        let oldest = nodes.remove(0);
        calls.reach(&oldest).await;
        oldest.terminate(&mut shop).await;
        nodes.push(shop.node().await);
    }
    let replies = calls.end().await;

    assert_none_failed(&replies);
    assert_eq!(shop.runs(), (0..replies.len() as u64).collect::<Vec<_>>());
}
