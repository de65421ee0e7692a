//! What holds while a server that calls go through is away or hangs, and once it is back.

use super::{Ends, echo};
use crate::conformance::row::{Line, lines};
use crate::conformance::{eventually, soon};
use crate::error::Result;

pub(super) fn lines() -> Vec<Line<Ends>> {
    lines![
        server;
        while_the_server_is_away_a_call_is_unavailable,
        calls_come_through_once_the_server_is_back,
    ]
}

async fn while_the_server_is_away_a_call_is_unavailable(mut ends: Ends) -> Result<()> {
    let mut server = ends.take_server()?;
    let node = ends.node(echo).await?;
    node.call("1").await?;

    server.stop();
    let called = soon("an answer", node.call("2")).await?;

    assert!(
        called.as_ref().is_err_and(|error| error.code() == 503),
        "{called:?}"
    );
    Ok(())
}

async fn calls_come_through_once_the_server_is_back(mut ends: Ends) -> Result<()> {
    let mut server = ends.take_server()?;
    let node = ends.node(echo).await?;
    node.call("1").await?;

    server.restart().await;
    let answer = eventually("an answer", async || {
        soon("an answer", node.call("2")).await?
    });

    assert_eq!(answer.await?, "2");
    Ok(())
}
