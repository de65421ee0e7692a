//! What is found.

use super::{Ends, code, next};
use crate::conformance::row::{Line, lines};
use crate::error::Result;
use crate::registry::Service;

pub(super) fn lines() -> Vec<Line<Ends>> {
    lines![
        what_is_announced_is_found_as_it_was if Ends::registers,
        there_is_one_record_for_each_version if Ends::registers,
        many_nodes_of_many_versions_are_all_found if Ends::registers,
        a_name_that_nothing_announced_is_not_found,
        a_name_whose_nodes_are_all_gone_is_either_not_found_or_records_without_nodes if Ends::registers,
        what_is_announced_is_listed if Ends::registers,
    ]
}

async fn what_is_announced_is_found_as_it_was(ends: Ends) -> Result<()> {
    let mut events = ends.watch().await?;

    ends.register(&ends.greeter(&["one"])).await?;
    next(&mut events).await?;

    assert_eq!(ends.there.get("greeter").await?, [ends.greeter(&["one"])]);
    Ok(())
}

async fn there_is_one_record_for_each_version(ends: Ends) -> Result<()> {
    let mut events = ends.watch().await?;
    let older = ends.greeter(&["one", "two"]);
    let newer = Service {
        version: "2.0.0".to_owned(),
        ..ends.greeter(&["three"])
    };

    ends.register(&older).await?;
    ends.register(&newer).await?;
    for _ in 0..3 {
        next(&mut events).await?;
    }

    assert_eq!(ends.there.get("greeter").await?, [older, newer]);
    Ok(())
}

async fn many_nodes_of_many_versions_are_all_found(ends: Ends) -> Result<()> {
    let mut events = ends.watch().await?;
    let versions: Vec<_> = (10..20)
        .map(|version| {
            let ids = [1, 2, 3, 4, 5].map(|number| format!("{version}-{number}"));
            Service {
                version: format!("{version}.0.0"),
                ..ends.greeter(&ids.each_ref().map(|id| &**id))
            }
        })
        .collect();

    for version in &versions {
        ends.register(version).await?;
    }
    for _ in 0..50 {
        next(&mut events).await?;
    }

    assert_eq!(ends.there.get("greeter").await?, versions);
    Ok(())
}

async fn a_name_that_nothing_announced_is_not_found(ends: Ends) -> Result<()> {
    let found = ends.there.get("greeter").await;

    assert_eq!(code(found), Some(404));
    Ok(())
}

async fn a_name_whose_nodes_are_all_gone_is_either_not_found_or_records_without_nodes(
    ends: Ends,
) -> Result<()> {
    let mut events = ends.watch().await?;
    ends.register(&ends.greeter(&["one"])).await?;
    next(&mut events).await?;

    ends.here.deregister(&ends.greeter(&["one"])).await?;
    next(&mut events).await?;

    assert!(ends.found().await?.is_empty());
    Ok(())
}

async fn what_is_announced_is_listed(ends: Ends) -> Result<()> {
    ends.register(&ends.greeter(&["one"])).await?;

    let listed = ends.there.list().await?;

    let listed = listed.iter().map(|one| (&*one.name, &*one.version));
    assert_eq!(listed.collect::<Vec<_>>(), [("greeter", "1.0.0")]);
    Ok(())
}
