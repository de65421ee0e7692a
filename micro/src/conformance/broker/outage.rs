//! What holds while a server is away or hangs, and once it is back.

use super::{Ends, Seen, group};
use crate::conformance::row::{Line, lines};
use crate::conformance::{ID, eventually, soon};
use crate::error::{Error, Result};

pub(super) fn lines() -> Vec<Line<Ends>> {
    lines![
        server;
        while_the_server_is_away_publishing_is_unavailable,
        a_server_that_hangs_is_unavailable_to_publishers_in_time,
        what_was_published_outlives_the_server if Ends::is_durable,
        a_subscription_goes_on_once_the_server_is_back,
    ]
}

async fn while_the_server_is_away_publishing_is_unavailable(mut ends: Ends) -> Result<()> {
    let mut server = ends.take_server()?;
    ends.publish("1").await?;

    server.stop();
    let published = soon("an answer", ends.publish("2")).await?;

    assert_away(published);
    Ok(())
}

async fn a_server_that_hangs_is_unavailable_to_publishers_in_time(mut ends: Ends) -> Result<()> {
    let server = ends.take_server()?;
    ends.publish("1").await?;

    server.pause();
    let published = soon("an answer", ends.publish("2")).await;
    server.resume();

    assert_away(published?);
    Ok(())
}

fn assert_away(published: Result<()>) {
    let code = published.as_ref().err().map(Error::code);
    assert_eq!(code, Some(503), "{published:?}");
}

async fn what_was_published_outlives_the_server(mut ends: Ends) -> Result<()> {
    let mut server = ends.take_server()?;
    let mut seen = Seen::new();
    let mut durable = group("g");
    durable.durable = true;
    let mut a = ends.there(durable.clone(), seen.consumer("a")).await?;
    a.leave();
    a.ended().await;
    for number in 0..100 {
        ends.publish(&format!("{number:02}")).await?;
    }

    server.restart().await;
    let subscribe = async || ends.there(durable.clone(), seen.consumer("b")).await;
    let _b = eventually("a subscription", subscribe).await?;

    let due: Vec<_> = (0..100)
        .map(|number| ("b", format!("{number:02}")))
        .collect();
    assert_eq!(seen.sorted(100).await?, due);
    Ok(())
}

async fn a_subscription_goes_on_once_the_server_is_back(mut ends: Ends) -> Result<()> {
    let mut server = ends.take_server()?;
    let mut seen = Seen::new();
    let _a = ends.there(group("g"), seen.consumer("a")).await?;

    server.restart().await;
    let arrived = async || {
        ends.publish("1").await?;
        let arrived = seen.all();
        (arrived > 0)
            .then_some(())
            .ok_or_else(|| Error::not_found(ID, "nothing arrived yet"))
    };

    eventually("a message", arrived).await
}
