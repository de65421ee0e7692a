//! What watchers see.

use super::{Ends, next};
use crate::conformance::row::{Line, lines};
use crate::error::Result;

pub(super) fn lines() -> Vec<Line<Ends>> {
    lines![
        what_is_announced_after_this_returned_is_seen_whatever_was_announced_before if Ends::registers,
        a_watcher_of_one_name_sees_no_other if Ends::registers,
        a_watcher_of_all_names_sees_all if Ends::registers,
    ]
}

async fn what_is_announced_after_this_returned_is_seen_whatever_was_announced_before(
    ends: Ends,
) -> Result<()> {
    let mut earlier = ends.watch().await?;
    ends.register(&ends.greeter(&["one"])).await?;
    next(&mut earlier).await?;

    let mut events = ends.watch().await?;
    ends.register(&ends.greeter(&["two"])).await?;
    let event = next(&mut events).await?;

    assert_eq!(event.service, ends.greeter(&["two"]));
    Ok(())
}

async fn a_watcher_of_one_name_sees_no_other(ends: Ends) -> Result<()> {
    let mut events = ends.watch().await?;

    ends.register(&ends.service("audit", &["audit-1"])).await?;
    ends.register(&ends.greeter(&["one"])).await?;

    assert_eq!(next(&mut events).await?.service.name, "greeter");
    Ok(())
}

async fn a_watcher_of_all_names_sees_all(ends: Ends) -> Result<()> {
    let mut events = ends.there.watch(None).await?;

    ends.register(&ends.service("audit", &["audit-1"])).await?;
    let first = next(&mut events).await?;
    ends.register(&ends.greeter(&["one"])).await?;
    let second = next(&mut events).await?;

    let due = [ends.service("audit", &["audit-1"]), ends.greeter(&["one"])];
    assert_eq!([first.service, second.service], due);
    Ok(())
}
