//! What becomes of messages whose subscriber leaves.

use super::{Ends, Gate, Seen, broadcast, group};
use crate::conformance::row::{Line, lines};
use crate::error::Result;

pub(super) fn lines() -> Vec<Line<Ends>> {
    lines![
        a_subscriber_that_leaves_finishes_what_it_handles_and_the_rest_goes_to_its_group if Ends::redelivers,
        a_broadcast_subscriber_that_leaves_handles_all_that_it_took if Ends::waits,
    ]
}

async fn a_subscriber_that_leaves_finishes_what_it_handles_and_the_rest_goes_to_its_group(
    ends: Ends,
) -> Result<()> {
    let (mut seen, gate) = (Seen::new(), Gate::closed());
    let (mut begun, mut done) = (Seen::new(), Seen::new());
    let consumer = gate.between(begun.consumer("a"), seen.consumer("a"));
    let mut a = ends.there(group("g"), consumer).await?;
    for body in ["1", "2", "3"] {
        ends.publish(body).await?;
    }
    let first = begun.next().await?.body();

    a.leave();
    let _b = ends.here(group("g"), done.consumer("b")).await?;
    gate.open();
    a.ended().await;

    assert_eq!(seen.sorted(1).await?, [("a", first.clone())]);
    let rest = ["1", "2", "3"].into_iter().filter(|body| *body != first);
    let rest: Vec<_> = rest.map(|body| ("b", body.to_owned())).collect();
    assert_eq!(done.sorted(2).await?, rest);
    Ok(())
}

async fn a_broadcast_subscriber_that_leaves_handles_all_that_it_took(ends: Ends) -> Result<()> {
    let (mut seen, gate) = (Seen::new(), Gate::closed());
    let consumer = gate.before(seen.consumer("a"));
    let mut a = ends.there(broadcast(), consumer).await?;
    for _ in 0..200 {
        ends.publish("1").await?;
    }

    a.leave();
    gate.open();
    a.ended().await;

    assert_eq!(seen.all(), 200);
    Ok(())
}
