//! Calls that go on, at a steady rate, while nodes come and go.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use micro::Result;
use micro::prelude::*;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{interval, timeout};

use super::process::{Process, SOON, Shop};

/// What is called, and how often.
#[derive(Clone, Copy)]
pub(crate) struct Load {
    /// The endpoint that the call of this number is of.
    pub(crate) endpoint: fn(u64) -> &'static str,
    /// One call in each.
    pub(crate) period: Duration,
    /// So many calls begin before the first node is found.
    pub(crate) at_once: usize,
    /// How many calls there are at least.
    pub(crate) least: usize,
}

/// Calls that go on until they are ended.
pub(crate) struct Calls {
    /// How many each node has answered.
    answered: watch::Receiver<HashMap<String, usize>>,
    calling: JoinHandle<Vec<Result<()>>>,
}

impl Calls {
    /// Calls the shop from now on; the calls are numbered.
    pub(crate) async fn begin(shop: &Shop, load: Load) -> Self {
        let client = shop.client().await;
        let (sender, answered) = watch::channel(HashMap::new());
        let sender = Arc::new(sender);
        let calling = tokio::spawn(async move {
            let mut clock = interval(load.period);
            let mut under_way = Vec::new();
            while !sender.is_closed() || under_way.len() < load.least {
                if under_way.len() >= load.at_once {
                    clock.tick().await;
                }
                let number = under_way.len() as u64;
                let call = client.call("shop", (load.endpoint)(number), &Plain(number));
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
    pub(crate) async fn reach(&mut self, node: &Process) {
        let is_reached = |answered: &HashMap<String, usize>| answered.get(&node.id) >= Some(&20);
        let reached = self.answered.wait_for(is_reached);
        timeout(SOON, reached)
            .await
            .expect("it is not called")
            .unwrap();
    }

    /// Waits until a node has answered, so that many calls are on their way to it if they began at once.
    pub(crate) async fn reach_one_of(&mut self, nodes: &mut Vec<Process>) -> Process {
        let answered = self.answered.wait_for(|answered| !answered.is_empty());
        let answered = timeout(SOON, answered)
            .await
            .expect("none answers")
            .unwrap();
        let is_it = |node: &Process| answered.contains_key(&node.id);
        nodes.remove(nodes.iter().position(is_it).unwrap())
    }

    /// What became of each call, by its number.
    pub(crate) async fn end(self) -> Vec<Result<()>> {
        drop(self.answered);
        self.calling.await.unwrap()
    }
}
