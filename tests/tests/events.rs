//! Events from publishers to subscribers, on the memory broker.

use micro::broker::{Broker, Terms};
use micro::prelude::*;
use micro::{Error, Running};
use tests::System;
use tokio::sync::mpsc;

/// A service whose subscriber of `topic` tells what it got, and on which try.
async fn listener(
    system: &System,
    name: &'static str,
    mode: Mode,
    seen: &mpsc::Sender<(&'static str, u32, u32)>,
) -> Running {
    let seen = seen.clone();
    let handle = subscriber("topic", mode, move |ctx: Context, event: Plain<u32>| {
        let seen = seen.clone();
        async move {
            seen.send((name, event.0, ctx.attempt())).await.unwrap();
            if event.0 == 13 {
                Err(Error::conflict(name, "unlucky"))
            } else {
                Ok(())
            }
        }
    });
    system
        .service(name)
        .await
        .subscriber(handle)
        .start()
        .await
        .unwrap()
}

async fn publish(system: &System, events: impl IntoIterator<Item = u32>) {
    let publisher = system
        .service("client")
        .await
        .publisher::<Plain<u32>>("topic");
    for event in events {
        publisher.publish(&Plain(event)).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn one_member_of_a_group_gets_each_event() {
    let (system, (seen, mut events)) = (System::default(), mpsc::channel(64));
    let _a = listener(&system, "a", Mode::group("g"), &seen).await;
    let _b = listener(&system, "b", Mode::group("g"), &seen).await;

    publish(&system, 0..10).await;

    let mut got = Vec::new();
    for _ in 0..10 {
        got.push(events.recv().await.unwrap().1);
    }
    got.sort_unstable();
    assert_eq!(got, (0..10).collect::<Vec<_>>());
    assert!(events.try_recv().is_err());
}

#[tokio::test(start_paused = true)]
async fn every_broadcast_subscriber_gets_each_event() {
    let (system, (seen, mut events)) = (System::default(), mpsc::channel(64));
    let _a = listener(&system, "a", Mode::Broadcast, &seen).await;
    let _b = listener(&system, "b", Mode::Broadcast, &seen).await;

    publish(&system, [1]).await;

    let mut names = [
        events.recv().await.unwrap().0,
        events.recv().await.unwrap().0,
    ];
    names.sort_unstable();
    assert_eq!(names, ["a", "b"]);
}

#[tokio::test(start_paused = true)]
async fn events_of_a_group_are_handled_in_order() {
    let (system, (seen, mut events)) = (System::default(), mpsc::channel(64));
    let _a = listener(&system, "a", Mode::group("g"), &seen).await;

    publish(&system, 0..10).await;

    for expected in 0..10 {
        assert_eq!(events.recv().await.unwrap().1, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_failed_event_is_tried_three_times_and_then_parked_with_its_reason() {
    let (system, (seen, mut events)) = (System::default(), mpsc::channel(64));
    let _a = listener(&system, "a", Mode::group("g"), &seen).await;
    let (parked, mut dead) = mpsc::channel(1);
    let consumer = micro::broker::Consumer::new(move |delivery| {
        let parked = parked.clone();
        Box::pin(async move {
            parked
                .send(delivery.message)
                .await
                .map_err(|_| Error::internal("test", "full"))
        })
    });
    let terms = Terms::new(Mode::Broadcast);
    let _dead = system
        .broker
        .subscribe("dead.topic.g", terms, consumer)
        .await
        .unwrap();

    publish(&system, [13]).await;

    for attempt in 1..=3 {
        assert_eq!(events.recv().await, Some(("a", 13, attempt)));
    }
    let message = dead.recv().await.unwrap();
    assert!(
        message
            .metadata
            .get("micro-reason")
            .unwrap()
            .contains("unlucky"),
        "{message:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn an_event_that_cannot_be_read_is_parked_at_once() {
    let (system, (seen, mut events)) = (System::default(), mpsc::channel(64));
    let _a = listener(&system, "a", Mode::group("g"), &seen).await;
    let client = system.service("client").await;

    client
        .publisher::<Plain<String>>("topic")
        .publish(&Plain("no number".to_owned()))
        .await
        .unwrap();
    publish(&system, [1]).await;

    assert_eq!(events.recv().await, Some(("a", 1, 1)));
}

#[tokio::test(start_paused = true)]
async fn durable_on_a_broker_that_keeps_nothing_is_refused() {
    let system = System::default();
    let handle = subscriber(
        "topic",
        Mode::group("g"),
        async |_: Context, _: Plain<u32>| Ok::<_, Error>(()),
    );

    let error = system
        .service("a")
        .await
        .subscriber(handle.durable())
        .start()
        .await
        .unwrap_err();

    assert!(error.detail().contains("durable"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_group_whose_members_have_left_holds_up_no_publisher() {
    let (system, (seen, _events)) = (System::default(), mpsc::channel(64));
    let gone = listener(&system, "a", Mode::group("g"), &seen).await;
    gone.stop().await;

    let published = publish(&system, 0..2000);

    let published = tokio::time::timeout(Duration::from_secs(60), published).await;
    published.expect("the publisher waits");
}

#[tokio::test(start_paused = true)]
async fn an_event_that_a_leaving_member_failed_is_handed_to_another() {
    let (system, (seen, mut events)) = (System::default(), mpsc::channel(64));
    let leaving = listener(&system, "leaving", Mode::group("g"), &seen).await;
    publish(&system, [13]).await;
    assert_eq!(events.recv().await, Some(("leaving", 13, 1)));

    let _other = listener(&system, "other", Mode::group("g"), &seen).await;
    leaving.stop().await;

    let handed = tokio::time::timeout(Duration::from_secs(60), events.recv()).await;
    assert_eq!(handed, Ok(Some(("other", 13, 2))));
}
