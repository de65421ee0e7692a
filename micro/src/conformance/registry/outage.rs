//! What holds while a server is away, hangs, or has lost everything.

use futures_util::StreamExt;

use super::{Ends, code};
use crate::conformance::row::{Line, lines};
use crate::conformance::{eventually, soon};
use crate::error::Result;

pub(super) fn lines() -> Vec<Line<Ends>> {
    lines![
        server;
        what_a_server_lost_is_there_again_once_it_is_announced_again if Ends::registers,
        while_the_server_is_away_a_name_is_unavailable_and_never_not_found,
        a_server_that_hangs_is_unavailable_in_time,
        a_watcher_whose_server_goes_away_ends_or_yields_an_error,
    ]
}

async fn what_a_server_lost_is_there_again_once_it_is_announced_again(
    mut ends: Ends,
) -> Result<()> {
    let mut server = ends.take_server()?;
    ends.register(&ends.greeter(&["one"])).await?;

    server.restart_empty().await;
    let again = async || ends.register(&ends.greeter(&["one"])).await;
    eventually("a registration", again).await?;

    assert_eq!(ends.found().await?, ["one"]);
    Ok(())
}

async fn while_the_server_is_away_a_name_is_unavailable_and_never_not_found(
    mut ends: Ends,
) -> Result<()> {
    let mut server = ends.take_server()?;
    ends.found().await?;

    server.stop();
    let found = soon("an answer", ends.there.get("greeter")).await?;

    assert_eq!(code(found), Some(503));
    Ok(())
}

async fn a_server_that_hangs_is_unavailable_in_time(mut ends: Ends) -> Result<()> {
    let server = ends.take_server()?;
    ends.found().await?;

    server.pause();
    let found = soon("an answer", ends.there.get("greeter")).await;
    server.resume();

    assert_eq!(code(found?), Some(503));
    Ok(())
}

async fn a_watcher_whose_server_goes_away_ends_or_yields_an_error(mut ends: Ends) -> Result<()> {
    let mut server = ends.take_server()?;
    let mut events = ends.watch().await?;

    server.stop();
    let event = soon("an end", events.next()).await?;

    assert!(!matches!(event, Some(Ok(_))), "{event:?}");
    Ok(())
}
