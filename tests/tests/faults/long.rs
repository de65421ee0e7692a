//! The same for longer, and at 500 calls a second; what came of it is counted by the handlers and printed.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use micro::{Error, Result};
use tokio::sync::Mutex;

use super::calls::{Calls, Load};
use super::process::{BUY, LOOK, Shop};

/// One run at a time: the rate is that of the whole machine.
static TURN: Mutex<()> = Mutex::const_new(());

const PERIOD: Duration = Duration::from_millis(2);

/// What is done to nodes, in turn.
#[derive(Clone, Copy, PartialEq)]
enum Fault {
    Kill,
    Stop,
}

/// How a run went.
struct Run {
    replies: Vec<Result<()>>,
    /// How often each call was run, by its number.
    ran: HashMap<u64, usize>,
    /// Where the nodes were that were killed.
    killed: Vec<String>,
    stopped: usize,
}

/// Calls three nodes for so long, to each of which in turn one of `faults` happens, whereupon another starts.
async fn run(faults: &[Fault], http: bool, time: Duration) -> Run {
    let mut shop = Shop::new(http).await;
    let mut nodes = vec![shop.node().await, shop.node().await, shop.node().await];
    let load = Load {
        endpoint: |number| if number % 2 == 0 { LOOK } else { BUY },
        period: PERIOD,
        at_once: 0,
        least: (time.as_nanos() / PERIOD.as_nanos()) as usize,
    };
    let begun = Instant::now();
    let mut calls = Calls::begin(&shop, load).await;
    let (mut killed, mut stopped) = (Vec::new(), 0);
    for fault in faults.iter().cycle() {
        if begun.elapsed() >= time {
            break;
        }
        let oldest = nodes.remove(0);
        calls.reach(&oldest).await;
        match fault {
            Fault::Kill => {
                killed.push(oldest.address.clone());
                oldest.kill();
            }
            Fault::Stop => {
                stopped += 1;
                oldest.terminate(&mut shop).await;
            }
        }
        nodes.push(shop.node().await);
    }
    let replies = calls.end().await;
    let mut ran = HashMap::new();
    for number in shop.runs() {
        *ran.entry(number).or_default() += 1;
    }
    Run {
        replies,
        ran,
        killed,
        stopped,
    }
}

/// What became of the calls of one endpoint.
#[derive(Debug, Default, PartialEq)]
struct Count {
    calls: usize,
    answered: usize,
    /// They failed, and say that a node that was killed may have run them.
    in_doubt: usize,
    failed: Vec<String>,
    never_ran: usize,
    ran_once: usize,
    ran_again: usize,
}

impl Run {
    fn count(&self, endpoint: &str) -> Count {
        let mut count = Count::default();
        let first = u64::from(endpoint == BUY);
        for number in (first..self.replies.len() as u64).step_by(2) {
            count.calls += 1;
            match &self.replies[number as usize] {
                Ok(()) if self.ran.contains_key(&number) => count.answered += 1,
                Ok(()) => count
                    .failed
                    .push(format!("{number} was answered, but never ran")),
                Err(error) if self.is_doubt(error) => count.in_doubt += 1,
                Err(error) => count.failed.push(error.to_string()),
            }
            match self.ran.get(&number) {
                None => count.never_ran += 1,
                Some(1) => count.ran_once += 1,
                Some(_) => count.ran_again += 1,
            }
        }
        count
    }

    /// True if the call broke off at a node that was killed.
    fn is_doubt(&self, error: &Error) -> bool {
        let text = error.to_string();
        let is_of = |address: &String| text.contains(&format!("{address},"));
        error.is_retryable() && !error.is_never_reached() && self.killed.iter().any(is_of)
    }

    /// Prints what became of the calls, and returns it: of what may run twice, and of what may not.
    fn print(&self, name: &str) -> (Count, Count) {
        let (look, buy) = (self.count(LOOK), self.count(BUY));
        println!(
            "\n{name}: {} killed, {} stopped, each replaced",
            self.killed.len(),
            self.stopped
        );
        println!("endpoint    calls answered in doubt failed never ran ran once ran again");
        for (endpoint, count) in [(LOOK, &look), (BUY, &buy)] {
            println!(
                "{endpoint:<10} {:>6} {:>8} {:>8} {:>6} {:>9} {:>8} {:>9}",
                count.calls,
                count.answered,
                count.in_doubt,
                count.failed.len(),
                count.never_ran,
                count.ran_once,
                count.ran_again
            );
        }
        (look, buy)
    }
}

async fn killed_and_stopped(name: &str, http: bool, time: Duration) {
    let _turn = TURN.lock().await;

    let run = run(&[Fault::Kill, Fault::Stop], http, time).await;

    let (look, buy) = run.print(name);
    assert!(run.killed.len() > 1 && run.stopped > 0);
    assert_eq!((look.in_doubt, look.failed), (0, vec![]));
    assert_eq!((buy.ran_again, buy.failed), (0, vec![]));
}

async fn stopped(name: &str, http: bool, time: Duration) {
    let _turn = TURN.lock().await;

    let run = run(&[Fault::Stop], http, time).await;

    let (look, buy) = run.print(name);
    assert!(run.stopped > 1);
    for count in [look, buy] {
        let all = Count {
            calls: count.calls,
            answered: count.calls,
            ran_once: count.calls,
            ..Count::default()
        };
        assert_eq!(count, all);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_and_stopped_nodes_fail_no_idempotent_call_and_run_no_other_twice() {
    killed_and_stopped(
        "frames, kill -9 and SIGTERM",
        false,
        Duration::from_secs(20),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopped_nodes_fail_no_call_and_run_each_once() {
    stopped("frames, SIGTERM", false, Duration::from_secs(20)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_and_stopped_nodes_of_http_fail_no_idempotent_call_and_run_no_other_twice() {
    killed_and_stopped("http, kill -9 and SIGTERM", true, Duration::from_secs(6)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopped_nodes_of_http_fail_no_call_and_run_each_once() {
    stopped("http, SIGTERM", true, Duration::from_secs(6)).await;
}
