//! What becomes of messages that fail.

use std::sync::atomic::{AtomicBool, Ordering};

use super::{Ends, Seen, broadcast, group, message};
use crate::broker::{ATTEMPTS, REASON};
use crate::conformance::row::{Line, lines};
use crate::error::{Error, Result};
use crate::message::ContentType;

pub(super) fn lines() -> Vec<Line<Ends>> {
    lines![
        a_message_that_a_consumer_failed_is_handed_out_again_with_its_attempt_number if Ends::redelivers,
        after_the_last_of_its_tries_a_message_is_parked_with_the_reason_and_told_to_dead_topic_group if Ends::redelivers,
        a_message_that_fails_for_good_is_parked_at_once if Ends::redelivers,
        the_messages_behind_one_that_fails_are_handled_all_the_same,
        broadcast_messages_are_not_handed_out_again,
        what_is_replayed_goes_to_that_group_alone_as_it_was_published if Ends::redelivers,
    ]
}

async fn a_message_that_a_consumer_failed_is_handed_out_again_with_its_attempt_number(
    ends: Ends,
) -> Result<()> {
    let mut seen = Seen::new();
    let consumer = seen.failing("a", |delivery| delivery.attempt < 3);
    let _a = ends.there(group("g"), consumer).await?;

    ends.publish("1").await?;

    for attempt in 1..=3 {
        let one = seen.next().await?;
        assert_eq!((&*one.body(), one.delivery.attempt), ("1", attempt));
    }
    Ok(())
}

async fn after_the_last_of_its_tries_a_message_is_parked_with_the_reason_and_told_to_dead_topic_group(
    ends: Ends,
) -> Result<()> {
    let (mut seen, mut dead) = (Seen::new(), Seen::new());
    let mut terms = group("g");
    terms.retry = Some(2);
    let _a = ends.there(terms, seen.failing("a", |_| true)).await?;
    let _dead = ends.dead(dead.consumer("dead")).await?;
    let mut sent = message("1");
    sent.metadata.set("x-user", "42");

    ends.send(sent).await?;

    assert_eq!(seen.next().await?.delivery.attempt, 1);
    assert_eq!(seen.next().await?.delivery.attempt, 2);
    let parked = dead.next().await?.delivery.message;
    assert_eq!(
        (parked.content_type, &*parked.body),
        (ContentType::JSON, &b"1"[..])
    );
    let fact = |name| parked.metadata.get(name);
    assert_eq!((fact(ATTEMPTS), fact("x-user")), (Some("2"), Some("42")));
    let reason = Error::from_wire(fact(REASON).unwrap_or_default());
    assert_eq!(reason.detail(), "unlucky");
    Ok(())
}

async fn a_message_that_fails_for_good_is_parked_at_once(ends: Ends) -> Result<()> {
    let (mut seen, mut dead) = (Seen::new(), Seen::new());
    let _a = ends.there(group("g"), seen.hopeless("a", |_| true)).await?;
    let _dead = ends.dead(dead.consumer("dead")).await?;

    ends.publish("1").await?;

    let parked = dead.next().await?.delivery.message;
    assert_eq!(parked.metadata.get(ATTEMPTS), Some("1"));
    assert_eq!(seen.all(), 1);
    Ok(())
}

async fn the_messages_behind_one_that_fails_are_handled_all_the_same(ends: Ends) -> Result<()> {
    let mut seen = Seen::new();
    let consumer = seen.failing("a", |delivery| &*delivery.message.body == b"poison");
    let _a = ends.there(group("g"), consumer).await?;

    ends.publish("poison").await?;
    ends.publish("1").await?;

    while seen.next().await?.body() != "1" {}
    Ok(())
}

async fn broadcast_messages_are_not_handed_out_again(ends: Ends) -> Result<()> {
    let mut seen = Seen::new();
    let _a = ends.there(broadcast(), seen.failing("a", |_| true)).await?;

    ends.publish("1").await?;
    ends.publish("2").await?;

    let of = |body: &str| ("a", body.to_owned());
    assert_eq!(seen.sorted(2).await?, [of("1"), of("2")]);
    Ok(())
}

async fn what_is_replayed_goes_to_that_group_alone_as_it_was_published(ends: Ends) -> Result<()> {
    let (mut seen, mut other, mut dead) = (Seen::new(), Seen::new(), Seen::new());
    let _h = ends.there(group("h"), other.consumer("h")).await?;
    let failed = AtomicBool::new(false);
    let consumer = seen.hopeless("g", move |_| !failed.swap(true, Ordering::SeqCst));
    let _g = ends.there(group("g"), consumer).await?;
    let _dead = ends.dead(dead.consumer("dead")).await?;
    ends.publish("1").await?;
    let first = seen.next().await?.delivery.message;
    dead.next().await?;

    let replayed = ends.here.replay(&ends.topic, "g").await?;
    let again = seen.next().await?.delivery;
    ends.publish("2").await?;

    assert_eq!(replayed, 1);
    assert_eq!((again.attempt, again.message), (1, first));
    assert_eq!(other.next().await?.body(), "1");
    assert_eq!(other.next().await?.body(), "2");
    Ok(())
}
