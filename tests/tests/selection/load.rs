//! How busy nodes are, and where the next call goes therefore. Time is moved, and chance is seeded.

use std::cell::Cell;
use std::sync::Arc;

use micro::prelude::*;
use micro::registry::Candidate;
use micro::selector::{LeastConnSelector, P2cSelector, RandomSelector, Selector};
use micro::{Error, Running};
use tests::System;
use tokio::time::{Instant, interval, sleep};

use crate::fleet::{Seen, fleet, spy};

const MS: Duration = Duration::from_millis(1);

/// A node that answers after `delay`, with an error if it `fails`.
async fn node(system: &System, id: &'static str, delay: Duration, fails: bool) -> Running {
    let hello = unary(move |_: Context, _: Plain<()>| async move {
        sleep(delay).await;
        if fails {
            return Err(Error::unavailable("greeter", "not today"));
        }
        Ok(Plain(()))
    });
    let service = system.builder("greeter").id(id).build().await.unwrap();
    let service = service.endpoint("Greeter.Hello", hello);
    service.start().await.unwrap()
}

/// The service of the caller, and what its selector sees.
async fn caller(system: &System, selector: Arc<dyn Selector>) -> (micro::Service, Seen) {
    let (spy, seen) = spy(selector);
    let service = system.builder("client").selector(spy).build().await;
    (service.unwrap(), seen)
}

/// Calls every `period` for `time`; gives how long each took, in order.
async fn calls(client: &micro::Service, period: Duration, time: Duration) -> Vec<Duration> {
    let (mut clock, began) = (interval(period), Instant::now());
    let mut under_way = Vec::new();
    while began.elapsed() < time {
        clock.tick().await;
        let client = client.client().clone();
        under_way.push(tokio::spawn(async move {
            let began = Instant::now();
            let call = client.call("greeter", "Greeter.Hello", &Plain(()));
            let reply: micro::Result<Plain<()>> = call.await;
            // Of a node that fails; none is late.
            if let Err(error) = reply {
                assert_eq!(error.detail(), "not today");
            }
            began.elapsed()
        }));
    }
    let mut took = Vec::new();
    for call in under_way {
        took.push(call.await.unwrap());
    }
    took.sort();
    took
}

/// The share of calls that the slow one of three nodes gets, and how long all but one call in a hundred take.
async fn beside_a_slow_node(selector: Arc<dyn Selector>) -> (f64, Duration) {
    fastrand::seed(42);
    let system = System::default();
    let _a = node(&system, "a", MS, false).await;
    let _b = node(&system, "b", MS, false).await;
    let _slow = node(&system, "slow", 201 * MS, false).await;
    let (client, seen) = caller(&system, selector).await;

    let took = calls(&client, 5 * MS, Duration::from_secs(60)).await;

    let [slow] = seen.attempts(["greeter-slow"]);
    let share = f64::from(u32::try_from(slow).unwrap()) / took.len() as f64;
    (share, took[took.len() * 99 / 100])
}

#[tokio::test(start_paused = true)]
async fn a_node_that_is_200_ms_slower_gets_less_than_one_call_in_a_hundred() {
    let (share, p99) = beside_a_slow_node(Arc::new(P2cSelector)).await;

    assert!(share < 0.01, "{share}");
    assert!(p99 < 50 * MS, "{p99:?}");
}

#[tokio::test(start_paused = true)]
async fn chance_alone_gives_a_slow_node_its_full_share() {
    let (share, p99) = beside_a_slow_node(Arc::new(RandomSelector)).await;

    assert!(share > 0.3, "{share}");
    assert!(p99 > 200 * MS, "{p99:?}");
}

#[tokio::test(start_paused = true)]
async fn a_new_node_is_neither_flooded_nor_starved() {
    fastrand::seed(42);
    let system = System::default();
    let _a = node(&system, "a", 10 * MS, false).await;
    let _b = node(&system, "b", 10 * MS, false).await;
    let (client, seen) = caller(&system, Arc::new(P2cSelector)).await;
    calls(&client, MS, Duration::from_secs(1)).await;
    let _new = node(&system, "new", 10 * MS, false).await;

    calls(&client, MS, 10 * MS).await;
    let at_first = seen.attempts(["greeter-new"]);
    let before = seen.attempts(["greeter-a", "greeter-b", "greeter-new"]);
    calls(&client, MS, Duration::from_secs(2)).await;
    let after = seen.attempts(["greeter-a", "greeter-b", "greeter-new"]);

    assert_eq!(at_first, [1]);
    let calls = std::array::from_fn::<_, 3, _>(|node| after[node] - before[node]);
    assert!(
        calls.iter().all(|calls| (500..900).contains(calls)),
        "{calls:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_node_that_fails_at_once_does_not_attract_calls() {
    fastrand::seed(42);
    let system = System::default();
    let _a = node(&system, "a", 10 * MS, false).await;
    let _b = node(&system, "b", 10 * MS, false).await;
    let _failing = node(&system, "failing", Duration::ZERO, true).await;
    let (client, seen) = caller(&system, Arc::new(P2cSelector)).await;

    let calls = calls(&client, 10 * MS, Duration::from_secs(30)).await.len();

    let [failing] = seen.attempts(["greeter-failing"]);
    assert!(failing > 1 && failing < calls / 20, "{failing} of {calls}");
}

#[tokio::test(start_paused = true)]
async fn the_node_with_the_fewest_calls_under_way_is_chosen() {
    let snapshot = fleet(&["a", "b", "c"]).await;
    let busy = ["a", "c"].map(|id| {
        let mut candidates = snapshot.candidates.iter();
        candidates.find(|one| one.node.id == id).unwrap().begin()
    });

    for _ in 0..20 {
        let chosen = LeastConnSelector.select(&snapshot, &|_| true).unwrap();

        assert_eq!(chosen.node.id, "b");
    }
    drop(busy);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_is_no_longer_in_flight() {
    let system = System::default();
    let _slow = node(&system, "slow", Duration::from_secs(3600), false).await;
    let (client, seen) = caller(&system, Arc::new(P2cSelector)).await;
    let client = client.client().clone();
    let call = client.call::<_, Plain<()>>("greeter", "Greeter.Hello", &Plain(()));

    let dropped = tokio::time::timeout(Duration::from_secs(1), call.into_future());
    let counted = async {
        sleep(10 * MS).await;
        seen.last().in_flight()
    };
    let (given_up, counted) = tokio::join!(dropped, counted);

    assert!(given_up.is_err());
    assert_eq!((counted, seen.last().in_flight()), (1, 0));
    assert!(seen.last().latency() >= Some(Duration::from_millis(900)));
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_in_flight_until_its_end() {
    let system = System::default();
    let talk =
        bidirectional(async |_: Context, lines: Streaming<Plain<String>>| Ok::<_, Error>(lines));
    let service = system.service("greeter").await;
    let _echo = service.endpoint("Echo.Talk", talk).start().await.unwrap();
    let (client, seen) = caller(&system, Arc::new(P2cSelector)).await;
    let client = micro::ServiceClient::named("greeter", &client);
    let method = micro::client::Method::new("Echo.Talk");
    let format = <Plain<String> as micro::Message>::format();
    let lines = stream::iter(["a", "b"].map(|line| Plain(line.to_owned())));

    let mut replies = client
        .bidirectional(&method, format, format, lines)
        .await
        .unwrap();
    replies.next().await.unwrap().unwrap();
    let open = seen.last().in_flight();
    while replies.next().await.is_some() {}

    assert_eq!((open, seen.last().in_flight()), (1, 0));
}

/// How many candidates a choice looks at.
async fn looked_at(selector: &dyn Selector, nodes: usize) -> usize {
    let names: Vec<_> = (0..nodes).map(|node| node.to_string()).collect();
    let snapshot = fleet(&names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let looked = Cell::new(0);
    for _ in 0..100 {
        let allowed = |_: &Candidate| {
            looked.set(looked.get() + 1);
            true
        };
        selector.select(&snapshot, &allowed).unwrap();
    }
    looked.get()
}

#[tokio::test]
async fn choosing_among_ten_thousand_nodes_looks_at_as_few_as_among_ten() {
    for selector in [&P2cSelector as &dyn Selector, &RandomSelector] {
        let few = looked_at(selector, 10).await;

        assert!(looked_at(selector, 10_000).await <= few);
    }
}
