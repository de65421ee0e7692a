//! What holds of every selector that is compiled in: one test for each line that the trait promises.

mod fleet;
mod load;
mod ring;

use std::collections::HashSet;

use fleet::{Near, fleet, selectors, serve, spy};
use micro::prelude::*;
use micro::registry::Candidate;
use micro::selector::{self, Filter};
use tests::System;

const NODES: [&str; 5] = ["a", "b", "c", "d", "e"];

fn greet(client: &micro::Service) -> micro::Call<Plain<String>> {
    let name = Plain("ann".to_owned());
    client.client().call("greeter", "Greeter.Hello", &name)
}

#[tokio::test(start_paused = true)]
async fn only_a_candidate_that_is_allowed_is_chosen() {
    let snapshot = fleet(&NODES).await;
    for selector in selectors() {
        for _ in 0..100 {
            let is_allowed = |candidate: &Candidate| matches!(&*candidate.node.id, "b" | "d");

            let chosen = selector.select(&snapshot, &is_allowed).unwrap();

            assert!(is_allowed(chosen), "{}", selector.name());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn if_one_is_allowed_one_is_chosen() {
    let snapshot = fleet(&NODES).await;
    for selector in selectors() {
        for only in NODES {
            let chosen = selector.select(&snapshot, &|candidate| candidate.node.id == only);

            assert_eq!(chosen.unwrap().node.id, only, "{}", selector.name());
        }
        let none = selector.select(&snapshot, &|_| false);
        assert!(none.is_none(), "{}", selector.name());
    }
}

#[tokio::test(start_paused = true)]
async fn a_node_that_refused_a_connection_is_passed_over_at_once() {
    for selector in selectors() {
        let system = System::default();
        let (_a, _b) = (system.greeter("a").await, system.greeter("b").await);
        // Dropped without deregistering: still announced, but nothing listens.
        drop(system.greeter("dead").await);
        let (spy, seen) = spy(selector);
        let name = spy.to_string();
        let client = system.builder("client").selector(spy).build().await;
        let client = client.unwrap();

        for key in 0..50 {
            greet(&client).shard_key(key.to_string()).await.unwrap();
            greet(&client).await.unwrap();
        }

        assert_eq!(seen.failed(), ["greeter-dead"], "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_ejected_node_is_used_when_none_else_is_left() {
    for selector in selectors() {
        let system = System::default();
        fleet::announce(&system.registry, &["only"]).await;
        let (spy, seen) = spy(selector);
        let name = spy.to_string();
        let client = system.builder("client").selector(spy).build().await;
        let client = client.unwrap();
        greet(&client).await.unwrap_err();
        assert!(seen.last().is_ejected(), "{name}");

        let _only = serve(&system, "only").await;
        let reply = greet(&client).await.unwrap();

        assert_eq!(reply.0, "only");
        assert!(seen.last().is_ejected(), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn nodes_of_the_same_host_come_first_where_the_registry_prefers_them() {
    const HERE: &str = "127.0.0.1:1";
    for selector in selectors() {
        let system = System::default();
        let there = ["203.0.113.1:1", "203.0.113.2:1", "203.0.113.3:1"];
        fleet::announce(&system.registry, &[HERE]).await;
        fleet::announce(&system.registry, &there).await;
        let near = serve(&system, HERE).await;
        let mut far = Vec::new();
        for address in there {
            far.push(serve(&system, address).await);
        }
        let (spy, _) = spy(selector);
        let name = spy.to_string();
        let builder = system.builder("client").selector(spy);
        let registry = Near(system.registry.clone());
        let client = builder.registry(registry).build().await.unwrap();

        for _ in 0..20 {
            assert_eq!(greet(&client).await.unwrap().0, HERE, "{name}");
        }
        near.stop().await;

        assert!(there.contains(&&*greet(&client).await.unwrap().0), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn calls_with_the_same_key_go_to_the_same_node() {
    for selector in selectors() {
        let system = System::default();
        let mut nodes = Vec::new();
        for node in NODES {
            nodes.push(system.greeter(node).await);
        }
        let (spy, _) = spy(selector);
        let name = spy.to_string();
        let client = system.builder("client").selector(spy).build().await;
        let client = client.unwrap();

        let mut chosen = HashSet::new();
        for key in 0..20 {
            let mut replies = HashSet::new();
            for _ in 0..5 {
                let call = greet(&client).shard_key(format!("user-{key}"));
                replies.insert(call.await.unwrap().0);
            }
            assert_eq!(replies.len(), 1, "{name}");
            chosen.extend(replies);
        }

        assert!(chosen.len() > 2, "{name}: {chosen:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_filter_keeps_calls_to_the_nodes_of_a_zone() {
    for selector in selectors() {
        let system = System::default();
        let mut nodes = Vec::new();
        for (node, zone) in [("a", "eu-1"), ("b", "us-1"), ("c", "us-1")] {
            let hello = unary(move |_: Context, _: Plain<String>| {
                std::future::ready(Ok::<_, micro::Error>(Plain(node.to_owned())))
            });
            let builder = system.builder("greeter").id(node).metadata("zone", zone);
            let service = builder.build().await.unwrap();
            let service = service.endpoint("Greeter.Hello", hello);
            nodes.push(service.start().await.unwrap());
        }
        let (spy, _) = spy(selector);
        let client = system.builder("client").selector(spy).build().await;
        let client = client.unwrap();

        for _ in 0..20 {
            let call = greet(&client).filter(micro::selector::zone("eu-1"));
            assert_eq!(call.await.unwrap().0, "a");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_filter_lets_the_nodes_pass_that_it_describes() {
    let system = System::default();
    let service = system.builder("greeter").version("2.0.0");
    let service = service.metadata("gpu", "yes").metadata("zone", "eu-1");
    let service = service.build().await.unwrap();
    let hello = unary(async |_: Context, name: Plain<String>| Ok::<_, micro::Error>(name));
    let service = service.endpoint("Greeter.Hello", hello);
    let _running = service.start().await.unwrap();
    let cache = micro::registry::Cache::new(std::sync::Arc::new(system.registry.clone()));
    let snapshot = cache
        .snapshot("greeter", Duration::from_secs(1))
        .await
        .unwrap();
    let allows = |filter: Filter| filter.allows(&snapshot.candidates[0]);

    for passing in [
        selector::version("2.0.0"),
        selector::label("gpu", "yes"),
        selector::endpoint("Greeter.Hello"),
        selector::zone("eu-1"),
        Filter::from(|node: &Candidate| node.in_flight() == 0),
    ] {
        assert!(allows(passing));
    }
    for stopping in [
        selector::version("1.0.0"),
        selector::label("gpu", "no"),
        selector::endpoint("Greeter.Bye"),
        selector::zone("us-1"),
        Filter::from(|node: &Candidate| node.in_flight() > 0),
    ] {
        assert!(!allows(stopping));
    }
}

#[tokio::test(start_paused = true)]
async fn each_service_has_its_own_turn() {
    let (one, other) = (fleet(&NODES).await, fleet(&NODES).await);
    let selector = micro::selector::RoundRobinSelector;
    let id = |snapshot| {
        let chosen: Option<&std::sync::Arc<Candidate>> =
            micro::selector::Selector::select(&selector, snapshot, &|_| true);
        chosen.unwrap().node.id.clone()
    };

    let chosen: Vec<_> = (0..5).map(|_| (id(&one), id(&other))).collect();

    let expected = NODES.map(|node| (node.to_owned(), node.to_owned()));
    assert_eq!(chosen, expected);
}
