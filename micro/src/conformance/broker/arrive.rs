//! That messages arrive, as they are.

use futures_util::future::join;

use super::{Ends, Gate, Seen, group, message};
use crate::conformance::row::{Line, lines};
use crate::error::Result;
use crate::message::ContentType;

pub(super) fn lines() -> Vec<Line<Ends>> {
    lines![
        a_topic_that_nobody_subscribed_to_takes_messages_all_the_same,
        a_message_arrives_with_its_content_type_its_metadata_and_its_body,
        an_empty_body_and_one_of_1_mib_arrive_as_they_are,
        a_group_that_has_too_much_to_handle_makes_publishers_wait if Ends::waits,
        a_group_that_has_too_much_to_handle_is_named_to_those_that_it_keeps_waiting if Ends::waits,
    ]
}

async fn a_topic_that_nobody_subscribed_to_takes_messages_all_the_same(ends: Ends) -> Result<()> {
    ends.publish("1").await
}

async fn a_message_arrives_with_its_content_type_its_metadata_and_its_body(
    ends: Ends,
) -> Result<()> {
    let mut seen = Seen::new();
    let _a = ends.there(group("g"), seen.consumer("a")).await?;
    let mut sent = message("\0\u{1}<&>");
    sent.content_type = ContentType::PROTOBUF;
    sent.metadata.set("x-User-id", "4 2");

    ends.send(sent.clone()).await?;

    let got = seen.next().await?.delivery.message;
    assert_eq!((got.content_type, got.body), (sent.content_type, sent.body));
    let named = |(name, value): (&str, &str)| name == "x-User-id" && value == "4 2";
    assert!(got.metadata.iter().any(named), "{:?}", got.metadata);
    Ok(())
}

async fn an_empty_body_and_one_of_1_mib_arrive_as_they_are(ends: Ends) -> Result<()> {
    let mut seen = Seen::new();
    let _a = ends.there(group("g"), seen.consumer("a")).await?;
    let mut large = message("");
    large.body = (0..1 << 20)
        .map(|place: u32| place.to_le_bytes()[0])
        .collect();

    ends.publish("").await?;
    ends.send(large.clone()).await?;

    let mut got = [seen.next().await?, seen.next().await?].map(|one| one.delivery.message.body);
    got.sort_by_key(bytes::Bytes::len);
    assert!(got[0].is_empty() && got[1] == large.body);
    Ok(())
}

/// Publishes as many messages as wait for a group at most.
async fn fill(ends: &Ends) -> Result<()> {
    for number in 0..group("g").room {
        ends.publish(&number.to_string()).await?;
    }
    Ok(())
}

async fn a_group_that_has_too_much_to_handle_makes_publishers_wait(ends: Ends) -> Result<()> {
    let (mut seen, gate) = (Seen::new(), Gate::closed());
    let consumer = gate.before(seen.consumer("a"));
    let _a = ends.there(group("g"), consumer).await?;
    fill(&ends).await?;

    let opened = async {
        gate.open();
        seen.next().await
    };
    let (waits, first) = join(ends.publish("one more"), opened).await;

    waits?;
    assert_eq!(first?.body(), "0");
    Ok(())
}

async fn a_group_that_has_too_much_to_handle_is_named_to_those_that_it_keeps_waiting(
    ends: Ends,
) -> Result<()> {
    let (seen, gate) = (Seen::new(), Gate::closed());
    let consumer = gate.before(seen.consumer("a"));
    let _a = ends.there(group("g"), consumer).await?;
    fill(&ends).await?;

    let refused = ends.publish("one more").await;

    let named = format!("group g of topic {}", ends.topic);
    let is_named = |error: crate::Error| error.code() == 429 && error.detail().contains(&named);
    assert!(refused.is_err_and(is_named));
    Ok(())
}
