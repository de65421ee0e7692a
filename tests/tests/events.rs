//! Events from publishers to subscribers, on the memory broker.

use micro::broker::{ATTEMPTS, Broker, Consumer, Subscription, Terms};
use micro::message::{ContentType, Message};
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

/// Tells what is parked for the group `g` of `topic`.
async fn undertaker(system: &System, told: mpsc::Sender<Message>) -> Subscription {
    tell(&system.broker, "dead.topic.g", told).await
}

/// Tells what is published to `topic`.
async fn tell(broker: &dyn Broker, topic: &str, told: mpsc::Sender<Message>) -> Subscription {
    let consumer = Consumer::new(move |delivery| {
        let told = told.clone();
        Box::pin(async move {
            let sent = told.send(delivery.message).await;
            sent.map_err(|_| Error::internal("test", "full"))
        })
    });
    let terms = Terms::new(Mode::Broadcast);
    broker.subscribe(topic, terms, consumer).await.unwrap()
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
    let (told, mut dead) = mpsc::channel(1);
    let _dead = undertaker(&system, told).await;

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
    let (system, (seen, _events)) = (System::default(), mpsc::channel(64));
    let _a = listener(&system, "a", Mode::group("g"), &seen).await;
    let (told, mut dead) = mpsc::channel(1);
    let _dead = undertaker(&system, told).await;
    let client = system.service("client").await;

    client
        .publisher::<Plain<String>>("topic")
        .publish(&Plain("no number".to_owned()))
        .await
        .unwrap();

    let parked = dead.recv().await.unwrap();
    assert_eq!(parked.metadata.get(ATTEMPTS), Some("1"));
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
async fn a_broadcast_that_wants_another_try_is_refused() {
    let system = System::default();
    let handle = subscriber(
        "topic",
        Mode::Broadcast,
        async |_: Context, _: Plain<u32>| Ok::<_, Error>(()),
    );

    let service = system.service("a").await.subscriber(handle.retry(5));
    let error = service.start().await.unwrap_err();

    assert!(error.detail().contains("retry"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn what_is_parked_is_handled_after_a_replay() {
    let (system, (seen, mut events)) = (System::default(), mpsc::channel(64));
    let _a = listener(&system, "a", Mode::group("g"), &seen).await;
    let (told, mut dead) = mpsc::channel(64);
    let _dead = undertaker(&system, told).await;
    publish(&system, [13]).await;
    for _ in 0..3 {
        events.recv().await.unwrap();
    }
    dead.recv().await.unwrap();

    let client = system.service("client").await;
    let replayed = client.client().replay("topic", "g").await.unwrap();

    assert_eq!(replayed, 1);
    assert_eq!(events.recv().await, Some(("a", 13, 1)));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_stops_gives_what_it_did_not_begin_to_the_next_member() {
    let (system, (seen, mut events)) = (System::default(), mpsc::channel(64));
    let first = listener(&system, "first", Mode::group("g"), &seen).await;
    publish(&system, [13]).await;
    events.recv().await.unwrap();

    first.stop().await;
    let _second = listener(&system, "second", Mode::group("g"), &seen).await;

    assert_eq!(events.recv().await, Some(("second", 13, 2)));
}

#[micro::message]
struct Entry {
    text: String,
}

/// The content type that an event of this type is published in.
async fn published_as<T: micro::Message>(builder: micro::Builder, event: T) -> ContentType {
    let (told, mut seen) = mpsc::channel(1);
    let broker = micro::broker::MemoryBroker::new();
    let _seen = tell(&broker, "topic", told).await;
    let service = builder.broker(broker).build().await.unwrap();

    service.publisher("topic").publish(&event).await.unwrap();

    seen.recv().await.unwrap().content_type
}

#[tokio::test(start_paused = true)]
async fn events_travel_as_protobuf() {
    let builder = System::default().builder("client");

    let found = published_as(builder, Entry::default()).await;

    assert_eq!(found, ContentType::PROTOBUF);
}

#[tokio::test(start_paused = true)]
async fn events_that_have_no_protobuf_travel_as_json() {
    let builder = System::default().builder("client");

    assert_eq!(published_as(builder, Plain(1)).await, ContentType::JSON);
}

#[tokio::test(start_paused = true)]
async fn events_travel_in_the_type_that_a_client_is_set_to() {
    let mut options = micro::client::Options::default();
    options.content_type = ContentType::JSON;
    let builder = System::default().builder("client").client(options);

    let found = published_as(builder, Entry::default()).await;

    assert_eq!(found, ContentType::JSON);
}

#[tokio::test(start_paused = true)]
async fn a_subscriber_that_is_cut_short_gives_its_event_back() {
    let (system, (begun, mut events)) = (System::default(), mpsc::channel(64));
    let handle = subscriber(
        "topic",
        Mode::group("g"),
        move |_: Context, _: Plain<u32>| {
            let begun = begun.clone();
            async move {
                begun.send(()).await.unwrap();
                std::future::pending::<Result<(), Error>>().await
            }
        },
    );
    let builder = system.builder("first").drain(Duration::from_secs(1));
    let first = builder.build().await.unwrap().subscriber(handle);
    let first = first.start().await.unwrap();
    publish(&system, [1]).await;
    events.recv().await.unwrap();

    first.stop().await;
    let (seen, mut events) = mpsc::channel(64);
    let _second = listener(&system, "second", Mode::group("g"), &seen).await;

    assert_eq!(events.recv().await, Some(("second", 1, 2)));
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
