//! How many calls are under way at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use futures_util::future::join_all;
use micro::broker::Mode;
use micro::client::Method;
use micro::prelude::*;
use micro::wrapper::{ConcurrencyLimit, LoadShed};
use micro::{Error, Running};
use tests::System;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use super::{HOUR, MS, Seen, buy, in_turn, printed, shop};

/// A node of `shop` that takes `delay`, and at most one call at a time.
async fn busy(system: &System, node: &'static str, delay: Duration, shed: LoadShed) -> Running {
    let buy = unary(move |_: Context, _: Plain<()>| async move {
        sleep(delay).await;
        Ok::<_, Error>(Plain(node.to_owned()))
    });
    let service = system.builder("shop").id(node).build().await.unwrap();
    let service = service.wrap_handler(shed).endpoint("Shop.Buy", buy);
    service.start().await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn calls_over_the_limit_wait_for_their_turn() {
    let (system, seen) = (System::default(), Seen::default());
    let _a = shop(&system, "a", 10 * MS, None, &seen).await;
    let client = in_turn(&system).build().await.unwrap();
    let client = client.wrap_client(ConcurrencyLimit::new(2));
    let began = Instant::now();

    let calls = join_all((0..6).map(|_| buy(&client).into_future()));
    let look = async {
        sleep(15 * MS).await;
        (seen.running(), seen.begun())
    };
    let (replies, looked) = tokio::join!(calls, look);

    assert!(replies.iter().all(Result::is_ok), "{replies:?}");
    assert_eq!((looked, began.elapsed()), ((2, 4), 30 * MS));
}

#[tokio::test(start_paused = true)]
async fn a_call_whose_time_is_over_before_its_turn_never_runs() {
    let (system, seen) = (System::default(), Seen::default());
    let service = system.service("shop").await;
    let counts = seen.clone();
    let hang = unary(move |_: Context, _: Plain<()>| {
        let run = counts.run();
        async move {
            sleep(HOUR).await;
            drop(run);
            Ok::<_, Error>(Plain(String::new()))
        }
    });
    let service = service.wrap_handler(ConcurrencyLimit::new(1));
    let _shop = service.endpoint("Shop.Buy", hang).start().await.unwrap();
    let client = in_turn(&system).build().await.unwrap();

    let hanging = tokio::spawn(buy(&client).into_future());
    tokio::task::yield_now().await;

    let error = buy(&client).timeout(50 * MS).await.unwrap_err();

    assert_eq!((error.code(), seen.begun()), (408, 1));
    printed(&error);
    hanging.abort();
}

#[tokio::test(start_paused = true)]
async fn a_stream_holds_its_place_until_it_ends() {
    let system = System::default();
    let count = server_streaming(async |_: Context, to: Plain<u32>| {
        Ok::<_, Error>(stream::iter((0..to.0).map(|n| Ok::<_, Error>(Plain(n)))))
    });
    let service = system.service("count").await;
    let shed = LoadShed::new(1).target(Duration::ZERO);
    let service = service.wrap_handler(shed).endpoint("Count.To", count);
    let _count = service.start().await.unwrap();
    let client = micro::ServiceClient::named("count", &system.service("client").await);
    let (method, format) = (
        Method::new("Count.To"),
        <Plain<u32> as micro::Message>::format(),
    );
    let open = || client.server_streaming(&method, format, format, Plain(2));

    let mut first = open().await.unwrap();
    let refused = open().await.map(drop).unwrap_err();
    while first.next().await.is_some() {}
    // It has ended, and is still there.
    let second = open().await;

    assert_eq!(refused.code(), 429);
    assert!(second.is_ok());
    drop(first);
}

#[tokio::test(start_paused = true)]
async fn a_busy_node_hands_a_call_to_another() {
    let system = System::default();
    let shed = || LoadShed::new(1).target(Duration::ZERO);
    let _a = busy(&system, "a", HOUR, shed()).await;
    let _b = busy(&system, "b", MS, shed()).await;
    let client = in_turn(&system).build().await.unwrap();
    let hanging = tokio::spawn(buy(&client).into_future());
    tokio::task::yield_now().await;

    for _ in 0..4 {
        assert_eq!(buy(&client).await.unwrap().0, "b");
    }
    hanging.abort();
}

#[tokio::test(start_paused = true)]
async fn when_all_are_busy_the_caller_is_told_at_once() {
    let system = System::default();
    let _a = busy(&system, "a", HOUR, LoadShed::new(1).target(Duration::ZERO)).await;
    let client = in_turn(&system).build().await.unwrap();
    let hanging = tokio::spawn(buy(&client).into_future());
    tokio::task::yield_now().await;
    let began = Instant::now();

    let error = buy(&client).await.unwrap_err();

    assert!(error.is_never_reached());
    assert_eq!(began.elapsed(), Duration::ZERO);
    printed(&error);
    hanging.abort();
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_stands_is_not_waited_in_for_long() {
    let system = System::default();
    let _a = busy(&system, "a", HOUR, LoadShed::new(1).target(5 * MS)).await;
    let client = in_turn(&system).build().await.unwrap();
    let hanging = tokio::spawn(buy(&client).into_future());
    tokio::task::yield_now().await;

    let mut waits = Vec::new();
    let mut errors = Vec::new();
    for _ in 0..3 {
        let began = Instant::now();
        errors.push(buy(&client).await.unwrap_err());
        waits.push(began.elapsed());
    }

    printed(&errors[2]);
    // Timers round up to a millisecond.
    assert!((100 * MS..=102 * MS).contains(&waits[0]), "{waits:?}");
    assert!(waits[1..].iter().all(|wait| *wait <= 7 * MS), "{waits:?}");
    hanging.abort();
}

#[tokio::test(start_paused = true)]
async fn a_burst_that_ends_is_answered_whole() {
    let system = System::default();
    let _a = busy(&system, "a", 10 * MS, LoadShed::new(1).target(5 * MS)).await;
    let client = in_turn(&system).build().await.unwrap();

    let replies = join_all((0..8).map(|_| buy(&client).into_future())).await;

    assert!(replies.iter().all(Result::is_ok), "{replies:?}");
}

#[tokio::test(start_paused = true)]
async fn subscribers_are_limited_too() {
    let system = System::default();
    let (running, most) = (Arc::<AtomicU32>::default(), Arc::<AtomicU32>::default());
    let (done, mut handled) = mpsc::unbounded_channel();
    let peak = Arc::clone(&most);
    let mode = Mode::Group("audit".into());
    let audit = micro::subscriber("audit", mode, move |_: Context, _: Plain<()>| {
        let now = running.fetch_add(1, Ordering::Relaxed) + 1;
        peak.fetch_max(now, Ordering::Relaxed);
        let (running, done) = (Arc::clone(&running), done.clone());
        async move {
            sleep(10 * MS).await;
            running.fetch_sub(1, Ordering::Relaxed);
            done.send(()).unwrap();
            Ok::<_, Error>(())
        }
    });
    let service = system.service("audit").await;
    let service = service.wrap_subscriber(ConcurrencyLimit::new(2));
    let service = service.subscriber(audit.concurrency(8));
    let running = service.start().await.unwrap();
    let client = system.service("client").await;

    for _ in 0..6 {
        let publisher = client.client().publisher::<Plain<()>>("audit");
        publisher.publish(&Plain(())).await.unwrap();
    }
    for _ in 0..6 {
        handled.recv().await.unwrap();
    }

    assert_eq!(most.load(Ordering::Relaxed), 2);
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_queue_without_a_target_is_waited_in_for_ever() {
    let system = System::default();
    let shed = LoadShed::new(1).target(Duration::MAX);
    let _a = busy(&system, "a", 100 * MS, shed).await;
    let client = in_turn(&system).build().await.unwrap();

    let calls = (0..10).map(|_| buy(&client).into_future());
    let replies = join_all(calls).await;

    assert!(replies.iter().all(Result::is_ok), "{replies:?}");
}
