//! Who gets a message.

use super::{Ends, Seen, broadcast, group};
use crate::conformance::row::{Line, lines};
use crate::error::Result;

pub(super) fn lines() -> Vec<Line<Ends>> {
    lines![
        each_message_goes_to_one_member_of_each_group,
        each_message_goes_to_every_broadcast_subscriber,
        terms_that_the_broker_cannot_keep_are_refused,
        the_default_terms_are_never_refused,
        messages_wait_for_a_durable_group_that_is_away if Ends::is_durable,
    ]
}

async fn each_message_goes_to_one_member_of_each_group(ends: Ends) -> Result<()> {
    let mut seen = Seen::new();
    let _a = ends.here(group("g"), seen.consumer("g")).await?;
    let _b = ends.there(group("g"), seen.consumer("g")).await?;
    let _c = ends.there(group("h"), seen.consumer("h")).await?;

    for body in ["1", "2", "3", "4"] {
        ends.publish(body).await?;
    }

    let of = |who| ["1", "2", "3", "4"].map(|body| (who, body.to_owned()));
    assert_eq!(seen.sorted(8).await?, [of("g"), of("h")].concat());
    Ok(())
}

async fn each_message_goes_to_every_broadcast_subscriber(ends: Ends) -> Result<()> {
    let mut seen = Seen::new();
    let _a = ends.here(broadcast(), seen.consumer("a")).await?;
    let _b = ends.there(broadcast(), seen.consumer("b")).await?;

    ends.publish("1").await?;

    assert_eq!(
        seen.sorted(2).await?,
        ["a", "b"].map(|who| (who, "1".to_owned()))
    );
    Ok(())
}

async fn terms_that_the_broker_cannot_keep_are_refused(ends: Ends) -> Result<()> {
    let seen = Seen::new();
    let mut durable = group("g");
    durable.durable = true;
    let mut repeated = group("g");
    repeated.retry = Some(5);
    let mut repeated_to_all = broadcast();
    repeated_to_all.retry = Some(5);

    let cases = [
        (durable, "durable", ends.is_durable()),
        (repeated, "retry", ends.redelivers()),
        (repeated_to_all, "retry", false),
        (group(""), "name", false),
    ];
    for (terms, word, _) in cases.into_iter().filter(|(.., is_kept)| !is_kept) {
        let subscribed = ends.here(terms, seen.consumer("a")).await;

        let names = |error: &crate::Error| error.code() == 400 && error.detail().contains(word);
        assert!(subscribed.as_ref().is_err_and(names), "{subscribed:?}");
    }
    Ok(())
}

async fn the_default_terms_are_never_refused(ends: Ends) -> Result<()> {
    let seen = Seen::new();

    ends.here(group("g"), seen.consumer("a")).await?;
    ends.here(broadcast(), seen.consumer("a")).await?;
    Ok(())
}

async fn messages_wait_for_a_durable_group_that_is_away(ends: Ends) -> Result<()> {
    let mut seen = Seen::new();
    let mut durable = group("g");
    durable.durable = true;
    let mut a = ends.there(durable.clone(), seen.consumer("a")).await?;
    a.leave();
    a.ended().await;

    ends.publish("1").await?;
    let _b = ends.there(durable, seen.consumer("b")).await?;

    assert_eq!(seen.sorted(1).await?, [("b", "1".to_owned())]);
    Ok(())
}
