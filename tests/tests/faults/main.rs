//! Calls while nodes are killed, stopped and started again: real processes over HTTP, found by mDNS on loopback.

mod process;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use micro::Result;
use micro::prelude::*;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{interval, timeout};

use process::{Process, SOON, Shop, registry};

/// 200 calls a second.
const PERIOD: Duration = Duration::from_millis(5);

/// How many calls there are at least.
const CALLS: usize = 1200;

/// Calls that go on until they are ended.
struct Calls {
    /// How many each node has answered.
    answered: watch::Receiver<HashMap<String, usize>>,
    calling: JoinHandle<Vec<Result<()>>>,
}

impl Calls {
    /// Calls the shop from now on, `at_once` times before the first node is found; the calls are numbered.
    async fn begin(shop: &Shop, at_once: usize) -> Self {
        let registry = registry(&shop.namespace);
        let builder = micro::Service::builder("client").registry(registry);
        let client = builder.build().await.unwrap().client().clone();
        let (sender, answered) = watch::channel(HashMap::new());
        let sender = Arc::new(sender);
        let calling = tokio::spawn(async move {
            let mut clock = interval(PERIOD);
            let mut under_way = Vec::new();
            while !sender.is_closed() || under_way.len() < CALLS {
                if under_way.len() >= at_once {
                    clock.tick().await;
                }
                let number = Plain(under_way.len() as u64);
                let call = client.call("shop", "Shop.Buy", &number).into_future();
                let sender = Arc::clone(&sender);
                under_way.push(tokio::spawn(async move {
                    let Plain(node): Plain<String> = call.await?;
                    sender.send_modify(|answered| *answered.entry(node).or_default() += 1);
                    Ok(())
                }));
            }
            let mut replies = Vec::new();
            for call in under_way {
                replies.push(call.await.unwrap());
            }
            replies
        });
        Self { answered, calling }
    }

    /// Waits until `node` has answered some calls, so that others are on their way to it.
    async fn reach(&mut self, node: &Process) {
        let is_reached = |answered: &HashMap<String, usize>| answered.get(&node.id) >= Some(&20);
        let reached = self.answered.wait_for(is_reached);
        timeout(SOON, reached)
            .await
            .expect("it is not called")
            .unwrap();
    }

    /// Waits until a node has answered, so that many calls are on their way to it if they began at once.
    async fn reach_one_of(&mut self, nodes: &mut Vec<Process>) -> Process {
        let answered = self.answered.wait_for(|answered| !answered.is_empty());
        let answered = timeout(SOON, answered)
            .await
            .expect("none answers")
            .unwrap();
        let is_it = |node: &Process| answered.contains_key(&node.id);
        nodes.remove(nodes.iter().position(is_it).unwrap())
    }

    async fn end(self) -> Vec<Result<()>> {
        drop(self.answered);
        self.calling.await.unwrap()
    }
}

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
    let mut shop = Shop::new(true).await;
    let (a, b, _c) = (shop.node().await, shop.node().await, shop.node().await);
    let mut calls = Calls::begin(&shop, 1).await;

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
    let mut shop = Shop::new(true).await;
    let mut nodes = vec![shop.node().await, shop.node().await, shop.node().await];
    let mut calls = Calls::begin(&shop, 300).await;

    calls.reach_one_of(&mut nodes).await.kill();
    let replies = calls.end().await;

    assert_none_failed(&replies);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_call_fails_or_runs_twice_while_nodes_are_stopped_and_restarted() {
    let mut shop = Shop::new(false).await;
    let mut nodes = vec![shop.node().await, shop.node().await, shop.node().await];
    let mut calls = Calls::begin(&shop, 1).await;

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
