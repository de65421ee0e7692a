//! What every broker promises: one test for each line of `Broker`'s behaviour, run over all of them.

mod ends;
mod golden;
mod http;
#[cfg(feature = "live")]
mod live;
mod process;
mod wire;

use futures_util::future::join_all;
use micro::Error;
use micro::broker::{ATTEMPTS, Mode, REASON, Terms};
use micro::message::ContentType;

use self::ends::{Ends, Gate, Seen, group, message, publish};

macro_rules! over_every_broker {
    ($($behaviour:ident)*) => {
        mod over_memory {
            $(#[tokio::test(start_paused = true)]
            async fn $behaviour() {
                super::$behaviour(super::Ends::memory()).await;
            })*
        }

        mod over_http {
            $(#[tokio::test]
            async fn $behaviour() {
                super::$behaviour(super::Ends::http()).await;
            })*
        }
    };
}

over_every_broker! {
    a_topic_that_nobody_subscribed_to_takes_messages_all_the_same
    a_message_arrives_with_its_content_type_its_metadata_and_its_body
    a_group_that_has_too_much_to_handle_makes_publishers_wait
    a_group_that_has_too_much_to_handle_is_named_to_those_that_it_keeps_waiting
    each_message_goes_to_one_member_of_each_group
    each_message_goes_to_every_broadcast_subscriber
    messages_are_handled_one_at_a_time_and_in_order
    with_a_concurrency_of_n_n_messages_are_handled_at_once
    a_message_that_a_consumer_failed_is_handed_out_again_with_its_attempt_number
    after_the_last_of_its_tries_a_message_is_parked_with_the_reason_and_told_to_dead_topic_group
    a_message_that_fails_for_good_is_parked_at_once
    the_messages_behind_one_that_fails_are_handled_all_the_same
    broadcast_messages_are_not_handed_out_again
    a_subscriber_that_leaves_finishes_what_it_handles_and_the_rest_goes_to_its_group
    a_broadcast_subscriber_that_leaves_handles_all_that_it_took
    terms_that_the_broker_cannot_keep_are_refused
    the_default_terms_are_never_refused
    what_is_replayed_goes_to_that_group_alone_as_it_was_published
}

async fn a_topic_that_nobody_subscribed_to_takes_messages_all_the_same(ends: Ends) {
    ends.here.publish("t", message("1")).await.unwrap();
}

async fn a_message_arrives_with_its_content_type_its_metadata_and_its_body(ends: Ends) {
    let mut seen = Seen::new();
    let _a = ends.there("t", group("g"), seen.consumer("a")).await;
    let mut sent = message("\0\u{1}<&>");
    sent.content_type = ContentType::PROTOBUF;
    sent.metadata.set("x-User-id", "4 2");

    ends.here.publish("t", sent.clone()).await.unwrap();

    let got = seen.next().await.delivery.message;
    assert_eq!((got.content_type, got.body), (sent.content_type, sent.body));
    let named = |(name, value): (&str, &str)| name == "x-User-id" && value == "4 2";
    assert!(got.metadata.iter().any(named), "{:?}", got.metadata);
}

async fn a_group_that_has_too_much_to_handle_makes_publishers_wait(ends: Ends) {
    let (mut seen, gate) = (Seen::new(), Gate::closed());
    let consumer = gate.before(seen.consumer("a"));
    let _a = ends.there("t", group("g"), consumer).await;
    for number in 0..1024 {
        publish(&ends.here, &number.to_string()).await;
    }

    let (waits, first) = tokio::join!(ends.here.publish("t", message("1024")), async {
        gate.open();
        seen.next().await
    });

    waits.unwrap();
    assert_eq!(first.body(), "0");
}

async fn a_group_that_has_too_much_to_handle_is_named_to_those_that_it_keeps_waiting(ends: Ends) {
    let (seen, gate) = (Seen::new(), Gate::closed());
    let consumer = gate.before(seen.consumer("a"));
    let _a = ends.there("t", group("g"), consumer).await;
    for number in 0..1024 {
        publish(&ends.here, &number.to_string()).await;
    }

    let error = ends.here.publish("t", message("1024")).await.unwrap_err();

    assert_eq!(error.code(), 429);
    assert!(error.detail().contains("group g of topic t"), "{error}");
}

async fn each_message_goes_to_one_member_of_each_group(ends: Ends) {
    let mut seen = Seen::new();
    let _a = ends.here("t", group("g"), seen.consumer("g")).await;
    let _b = ends.there("t", group("g"), seen.consumer("g")).await;
    let _c = ends.there("t", group("h"), seen.consumer("h")).await;

    for body in ["1", "2", "3", "4"] {
        publish(&ends.here, body).await;
    }

    let mut got = Vec::new();
    for _ in 0..8 {
        let one = seen.next().await;
        got.push((one.who, one.body()));
    }
    got.sort();
    let of = |who| ["1", "2", "3", "4"].map(|body| (who, body.to_owned()));
    assert_eq!(got, [of("g"), of("h")].concat());
}

async fn each_message_goes_to_every_broadcast_subscriber(ends: Ends) {
    let mut seen = Seen::new();
    let _a = ends.here("t", Terms::new(Mode::Broadcast), seen.consumer("a"));
    let _a = _a.await;
    let _b = ends.there("t", Terms::new(Mode::Broadcast), seen.consumer("b"));
    let _b = _b.await;

    publish(&ends.here, "1").await;

    let mut got = [seen.next().await.who, seen.next().await.who];
    got.sort_unstable();
    assert_eq!(got, ["a", "b"]);
}

async fn messages_are_handled_one_at_a_time_and_in_order(ends: Ends) {
    let (mut seen, gate) = (Seen::new(), Gate::closed());
    let consumer = gate.between(seen.consumer("begun"), seen.consumer("done"));
    let _a = ends.there("t", group("g"), consumer).await;
    gate.open();

    for body in ["1", "2", "3"] {
        publish(&ends.here, body).await;
    }

    for body in ["1", "2", "3"] {
        for who in ["begun", "done"] {
            let one = seen.next().await;
            assert_eq!((one.who, &*one.body()), (who, body));
        }
    }
}

async fn with_a_concurrency_of_n_n_messages_are_handled_at_once(ends: Ends) {
    let (mut seen, gate) = (Seen::new(), Gate::closed());
    let mut terms = group("g");
    terms.concurrency = 3;
    let consumer = gate.between(seen.consumer("begun"), seen.consumer("done"));
    let _a = ends.there("t", terms, consumer).await;

    let messages = ["1", "2", "3"].map(|body| publish(&ends.here, body));
    join_all(messages).await;

    for _ in 0..3 {
        assert_eq!(seen.next().await.who, "begun");
    }
    gate.open();
    for _ in 0..3 {
        assert_eq!(seen.next().await.who, "done");
    }
}

async fn a_message_that_a_consumer_failed_is_handed_out_again_with_its_attempt_number(ends: Ends) {
    let mut seen = Seen::new();
    let consumer = seen.failing("a", |delivery| delivery.attempt < 2);
    let _a = ends.there("t", group("g"), consumer).await;

    publish(&ends.here, "1").await;
    publish(&ends.here, "2").await;

    for (body, attempt) in [("1", 1), ("1", 2), ("2", 1)] {
        let one = seen.next().await;
        assert_eq!((&*one.body(), one.delivery.attempt), (body, attempt));
    }
}

async fn after_the_last_of_its_tries_a_message_is_parked_with_the_reason_and_told_to_dead_topic_group(
    ends: Ends,
) {
    let (mut seen, mut dead) = (Seen::new(), Seen::new());
    let mut terms = group("g");
    terms.retry = Some(2);
    let consumer = seen.failing("a", |_| true);
    let _a = ends.there("t", terms, consumer).await;
    let _dead = ends
        .here("dead.t.g", group("undertaker"), dead.consumer("dead"))
        .await;
    let mut sent = message("1");
    sent.metadata.set("x-user", "42");

    ends.here.publish("t", sent).await.unwrap();

    assert_eq!(seen.next().await.delivery.attempt, 1);
    assert_eq!(seen.next().await.delivery.attempt, 2);
    let parked = dead.next().await.delivery.message;
    assert_eq!(parked.content_type, ContentType::JSON);
    let fact = |name| parked.metadata.get(name).unwrap().to_owned();
    assert_eq!((&*fact(ATTEMPTS), &*fact("x-user")), ("2", "42"));
    assert_eq!(Error::from_wire(&fact(REASON)).detail(), "unlucky");
}

async fn a_message_that_fails_for_good_is_parked_at_once(ends: Ends) {
    let (mut seen, mut dead) = (Seen::new(), Seen::new());
    let consumer = seen.hopeless("a");
    let _a = ends.there("t", group("g"), consumer).await;
    let _dead = ends
        .here("dead.t.g", group("undertaker"), dead.consumer("dead"))
        .await;

    publish(&ends.here, "1").await;

    let parked = dead.next().await.delivery.message;
    assert_eq!(parked.metadata.get(ATTEMPTS), Some("1"));
    assert_eq!(seen.all(), 1);
}

async fn the_messages_behind_one_that_fails_are_handled_all_the_same(ends: Ends) {
    let mut seen = Seen::new();
    let consumer = seen.failing("a", |delivery| &*delivery.message.body == b"poison");
    let _a = ends.there("t", group("g"), consumer).await;

    publish(&ends.here, "poison").await;
    publish(&ends.here, "1").await;

    let mut last = seen.next().await;
    while last.body() == "poison" {
        last = seen.next().await;
    }
    assert_eq!(last.body(), "1");
}

async fn broadcast_messages_are_not_handed_out_again(ends: Ends) {
    let mut seen = Seen::new();
    let consumer = seen.failing("a", |_| true);
    let _a = ends.there("t", Terms::new(Mode::Broadcast), consumer).await;

    publish(&ends.here, "1").await;
    publish(&ends.here, "2").await;

    assert_eq!(seen.next().await.body(), "1");
    assert_eq!(seen.next().await.body(), "2");
}

async fn a_subscriber_that_leaves_finishes_what_it_handles_and_the_rest_goes_to_its_group(
    ends: Ends,
) {
    let (mut seen, gate) = (Seen::new(), Gate::closed());
    let consumer = gate.between(seen.consumer("begun"), seen.consumer("a"));
    let mut a = ends.there("t", group("g"), consumer).await;
    for body in ["1", "2", "3"] {
        publish(&ends.here, body).await;
    }
    assert_eq!(seen.next().await.who, "begun");

    a.leave();
    let _b = ends.here("t", group("g"), seen.consumer("b")).await;
    gate.open();
    a.ended().await;

    let mut got = Vec::new();
    for _ in 0..3 {
        let one = seen.next().await;
        got.push((one.who, one.body()));
    }
    got.sort();
    assert_eq!(
        got,
        [("a", "1"), ("b", "2"), ("b", "3")].map(|(who, body)| (who, body.to_owned()))
    );
}

async fn a_broadcast_subscriber_that_leaves_handles_all_that_it_took(ends: Ends) {
    let (mut seen, gate) = (Seen::new(), Gate::closed());
    let consumer = gate.before(seen.consumer("a"));
    let mut a = ends.there("t", Terms::new(Mode::Broadcast), consumer).await;
    for _ in 0..200 {
        publish(&ends.here, "1").await;
    }

    a.leave();
    gate.open();
    a.ended().await;

    assert_eq!(seen.all(), 200);
}

async fn terms_that_the_broker_cannot_keep_are_refused(ends: Ends) {
    let seen = Seen::new();
    let mut durable = group("g");
    durable.durable = true;
    let mut repeated = Terms::new(Mode::Broadcast);
    repeated.retry = Some(5);

    let cases = [
        (durable, "durable"),
        (repeated, "retry"),
        (group(""), "name"),
    ];
    for (terms, word) in cases {
        let subscribed = ends.here.subscribe("t", terms, seen.consumer("a")).await;

        let error = subscribed.unwrap_err();
        assert_eq!(error.code(), 400);
        assert!(error.detail().contains(word), "{error}");
    }
}

async fn the_default_terms_are_never_refused(ends: Ends) {
    let seen = Seen::new();

    for mode in [Mode::group("g"), Mode::Broadcast] {
        let terms = Terms::new(mode);
        let subscribed = ends.here.subscribe("t", terms, seen.consumer("a")).await;

        assert!(subscribed.is_ok(), "{subscribed:?}");
    }
}

async fn what_is_replayed_goes_to_that_group_alone_as_it_was_published(ends: Ends) {
    let (mut seen, mut other, mut dead) = (Seen::new(), Seen::new(), Seen::new());
    let _h = ends.there("t", group("h"), other.consumer("h")).await;
    let failed = std::sync::atomic::AtomicBool::new(false);
    let consumer = seen.hopeless_if("g", move |_| {
        !failed.swap(true, std::sync::atomic::Ordering::SeqCst)
    });
    let _g = ends.there("t", group("g"), consumer).await;
    let _dead = ends
        .here("dead.t.g", group("undertaker"), dead.consumer("dead"))
        .await;
    publish(&ends.here, "1").await;
    let first = seen.next().await.delivery.message;
    dead.next().await;

    let replayed = ends.here.replay("t", "g").await.unwrap();
    publish(&ends.here, "2").await;

    assert_eq!(replayed, 1);
    let again = seen.next().await.delivery;
    assert_eq!((again.attempt, again.message), (1, first));
    assert_eq!(other.next().await.body(), "1");
    assert_eq!(other.next().await.body(), "2");
}
