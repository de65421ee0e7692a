//! What is handled when.

use futures_util::future::try_join_all;

use super::{Ends, Gate, Seen, group, message};
use crate::broker::KEY;
use crate::conformance::row::{Line, lines};
use crate::error::Result;

pub(super) fn lines() -> Vec<Line<Ends>> {
    lines![
        messages_are_handled_one_at_a_time,
        messages_of_a_topic_are_handled_in_order if Ends::orders_topics,
        messages_with_the_same_key_are_handled_in_order if Ends::orders_keys,
        with_a_concurrency_of_n_n_messages_are_handled_at_once,
    ]
}

async fn messages_are_handled_one_at_a_time(ends: Ends) -> Result<()> {
    let (mut seen, gate) = (Seen::new(), Gate::closed());
    let consumer = gate.between(seen.consumer("begun"), seen.consumer("done"));
    let _a = ends.there(group("g"), consumer).await?;
    gate.open();

    for body in ["1", "2", "3"] {
        ends.publish(body).await?;
    }

    for _ in 0..3 {
        let (begun, done) = (seen.next().await?, seen.next().await?);
        assert_eq!((begun.who, done.who), ("begun", "done"));
        assert_eq!(begun.body(), done.body());
    }
    Ok(())
}

async fn messages_of_a_topic_are_handled_in_order(ends: Ends) -> Result<()> {
    let mut seen = Seen::new();
    let _a = ends.there(group("g"), seen.consumer("a")).await?;

    for number in 0..50 {
        ends.publish(&number.to_string()).await?;
    }

    for number in 0..50 {
        assert_eq!(seen.next().await?.body(), number.to_string());
    }
    Ok(())
}

async fn messages_with_the_same_key_are_handled_in_order(ends: Ends) -> Result<()> {
    const KEYS: [&str; 4] = ["ann", "bob", "cid", "dee"];
    let mut seen = Seen::new();
    let _a = ends.there(group("g"), seen.consumer("a")).await?;

    for number in 0..20 {
        for key in KEYS {
            let mut message = message(&format!("{key} {number:02}"));
            message.metadata.set(KEY, key);
            ends.send(message).await?;
        }
    }

    let mut got = Vec::new();
    for _ in 0..20 * KEYS.len() {
        got.push(seen.next().await?.body());
    }
    for key in KEYS {
        let of_key = got.iter().filter(|body| body.starts_with(key));
        assert!(of_key.is_sorted(), "{got:?}");
    }
    Ok(())
}

async fn with_a_concurrency_of_n_n_messages_are_handled_at_once(ends: Ends) -> Result<()> {
    let (mut seen, gate) = (Seen::new(), Gate::closed());
    let mut terms = group("g");
    terms.concurrency = 3;
    let consumer = gate.between(seen.consumer("begun"), seen.consumer("done"));
    let _a = ends.there(terms, consumer).await?;

    try_join_all(["1", "2", "3"].map(|body| ends.publish(body))).await?;

    for who in ["begun", "done"] {
        for _ in 0..3 {
            assert_eq!(seen.next().await?.who, who);
        }
        gate.open();
    }
    Ok(())
}
