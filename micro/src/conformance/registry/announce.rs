//! What is announced, and taken back.

use super::{Ends, next};
use crate::conformance::row::{Line, lines};
use crate::error::Result;
use crate::registry::Action;

pub(super) fn lines() -> Vec<Line<Ends>> {
    lines![
        announcing_a_node_again_replaces_its_record if Ends::registers,
        announcing_a_node_again_restarts_its_ttl if Ends::registers,
        a_node_that_is_not_announced_again_within_its_ttl_is_gone_and_watchers_see_it_go if Ends::registers,
        watchers_see_one_event_for_each_node_that_is_new_or_changed_and_none_for_one_that_is_the_same if Ends::registers,
        nodes_that_are_not_known_are_ignored if Ends::registers,
        watchers_see_nodes_go_that_are_taken_back if Ends::registers,
    ]
}

async fn announcing_a_node_again_replaces_its_record(ends: Ends) -> Result<()> {
    let mut events = ends.watch().await?;

    ends.register(&ends.greeter(&["one"])).await?;
    next(&mut events).await?;
    ends.register(&ends.moved(&["one"])).await?;
    next(&mut events).await?;

    assert_eq!(ends.there.get("greeter").await?, [ends.moved(&["one"])]);
    Ok(())
}

async fn announcing_a_node_again_restarts_its_ttl(ends: Ends) -> Result<()> {
    let mut events = ends.watch().await?;
    ends.register_briefly(&ends.greeter(&["one"])).await?;
    next(&mut events).await?;
    ends.pass().await?;

    ends.register_briefly(&ends.greeter(&["one"])).await?;
    ends.pass().await?;

    assert_eq!(ends.found().await?, ["one"]);
    Ok(())
}

async fn a_node_that_is_not_announced_again_within_its_ttl_is_gone_and_watchers_see_it_go(
    ends: Ends,
) -> Result<()> {
    let mut events = ends.watch().await?;

    ends.register_briefly(&ends.greeter(&["one"])).await?;
    next(&mut events).await?;
    let event = next(&mut events).await?;

    assert_eq!(
        (event.action, event.service),
        (Action::Delete, ends.greeter(&["one"]))
    );
    assert!(ends.found().await?.is_empty());
    Ok(())
}

async fn watchers_see_one_event_for_each_node_that_is_new_or_changed_and_none_for_one_that_is_the_same(
    ends: Ends,
) -> Result<()> {
    let mut events = ends.watch().await?;

    ends.register(&ends.greeter(&["one"])).await?;
    let first = next(&mut events).await?;
    ends.register(&ends.greeter(&["one"])).await?;
    ends.register(&ends.moved(&["one"])).await?;
    let second = next(&mut events).await?;
    ends.register(&ends.greeter(&["two"])).await?;
    let third = next(&mut events).await?;

    let seen = [first, second, third].map(|event| (event.action, event.service));
    let due = [
        (Action::Create, ends.greeter(&["one"])),
        (Action::Update, ends.moved(&["one"])),
        (Action::Create, ends.greeter(&["two"])),
    ];
    assert_eq!(seen, due);
    Ok(())
}

async fn nodes_that_are_not_known_are_ignored(ends: Ends) -> Result<()> {
    let mut events = ends.watch().await?;
    ends.register(&ends.greeter(&["one"])).await?;
    next(&mut events).await?;

    ends.here.deregister(&ends.greeter(&["two"])).await?;

    assert_eq!(ends.found().await?, ["one"]);
    Ok(())
}

async fn watchers_see_nodes_go_that_are_taken_back(ends: Ends) -> Result<()> {
    let mut events = ends.watch().await?;
    ends.register(&ends.greeter(&["one", "two"])).await?;
    next(&mut events).await?;
    next(&mut events).await?;

    ends.here.deregister(&ends.greeter(&["one"])).await?;
    let event = next(&mut events).await?;

    assert_eq!(
        (event.action, event.service),
        (Action::Delete, ends.greeter(&["one"]))
    );
    assert_eq!(ends.found().await?, ["two"]);
    Ok(())
}
