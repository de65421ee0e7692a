//! A registry gives what was announced, and tells watchers what changes.

use std::time::Duration;

use futures_util::StreamExt;
use micro::registry::{Action, Endpoint, MemoryRegistry, Node, Registry, Service};
use tokio::time::{Instant, sleep};

const TTL: Duration = Duration::from_secs(90);

fn node(id: &str) -> Node {
    Node {
        id: id.to_owned(),
        address: format!("127.0.0.1:{}", 8000 + id.len()),
        ..Node::default()
    }
}

fn greeter(nodes: &[&str]) -> Service {
    Service {
        name: "greeter".to_owned(),
        version: "1.0.0".to_owned(),
        endpoints: vec![Endpoint {
            name: "Greeter.Hello".to_owned(),
            ..Endpoint::default()
        }],
        nodes: nodes.iter().map(|id| node(id)).collect(),
        ..Service::default()
    }
}

fn ids(services: &[Service]) -> Vec<&str> {
    let nodes = services.iter().flat_map(|service| &service.nodes);
    nodes.map(|node| node.id.as_str()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_registered_service_is_found() {
    let registry = MemoryRegistry::new();

    registry.register(&greeter(&["one"]), None).await.unwrap();

    assert_eq!(registry.get("greeter").await.unwrap(), [greeter(&["one"])]);
}

#[tokio::test(start_paused = true)]
async fn clones_share_their_services() {
    let registry = MemoryRegistry::new();

    registry
        .clone()
        .register(&greeter(&["one"]), None)
        .await
        .unwrap();

    assert_eq!(ids(&registry.list().await.unwrap()), ["one"]);
}

#[tokio::test(start_paused = true)]
async fn a_name_that_nothing_announced_is_not_found() {
    let error = MemoryRegistry::new().get("greeter").await.unwrap_err();

    assert_eq!(error.code(), 404);
}

#[tokio::test(start_paused = true)]
async fn nodes_of_one_service_are_grouped_by_version() {
    let registry = MemoryRegistry::new();
    let newer = Service {
        version: "2.0.0".to_owned(),
        ..greeter(&["two"])
    };

    registry.register(&greeter(&["one"]), None).await.unwrap();
    registry.register(&newer, None).await.unwrap();

    let found = registry.get("greeter").await.unwrap();
    assert_eq!(found, [greeter(&["one"]), newer]);
}

#[tokio::test(start_paused = true)]
async fn announcing_a_node_again_replaces_its_record() {
    let registry = MemoryRegistry::new();
    let mut moved = greeter(&["one"]);
    moved.nodes[0].address = "127.0.0.1:9000".to_owned();

    registry.register(&greeter(&["one"]), None).await.unwrap();
    registry.register(&moved, None).await.unwrap();

    assert_eq!(registry.get("greeter").await.unwrap(), [moved]);
}

#[tokio::test(start_paused = true)]
async fn a_node_that_is_not_announced_again_is_gone_after_its_ttl() {
    let registry = MemoryRegistry::new();
    registry
        .register(&greeter(&["one"]), Some(TTL))
        .await
        .unwrap();

    sleep(TTL).await;

    assert!(ids(&registry.get("greeter").await.unwrap()).is_empty());
}

#[tokio::test(start_paused = true)]
async fn announcing_a_node_again_restarts_its_ttl() {
    let registry = MemoryRegistry::new();
    registry
        .register(&greeter(&["one"]), Some(TTL))
        .await
        .unwrap();
    sleep(TTL / 2).await;
    registry
        .register(&greeter(&["one"]), Some(TTL))
        .await
        .unwrap();

    sleep(TTL * 3 / 4).await;

    assert_eq!(ids(&registry.get("greeter").await.unwrap()), ["one"]);
}

#[tokio::test(start_paused = true)]
async fn a_watcher_sees_a_node_expire_when_it_does() {
    let registry = MemoryRegistry::new();
    registry
        .register(&greeter(&["one"]), Some(TTL))
        .await
        .unwrap();
    let mut events = registry.watch(Some("greeter")).await.unwrap();
    let began = Instant::now();

    let event = events.next().await.unwrap().unwrap();

    assert_eq!(
        (event.action, event.service),
        (Action::Delete, greeter(&["one"]))
    );
    assert_eq!(began.elapsed(), TTL);
}

#[tokio::test(start_paused = true)]
async fn a_watcher_sees_what_is_new_changed_and_gone_and_nothing_else() {
    let registry = MemoryRegistry::new();
    let mut moved = greeter(&["one"]);
    moved.nodes[0].address = "127.0.0.1:9000".to_owned();
    let mut events = registry.watch(Some("greeter")).await.unwrap();

    registry.register(&greeter(&["one"]), None).await.unwrap();
    registry.register(&greeter(&["one"]), None).await.unwrap();
    registry.register(&moved, None).await.unwrap();
    registry.deregister(&moved).await.unwrap();

    let mut actions = Vec::new();
    for _ in 0..3 {
        actions.push(events.next().await.unwrap().unwrap().action);
    }
    assert_eq!(actions, [Action::Create, Action::Update, Action::Delete]);
}

#[tokio::test(start_paused = true)]
async fn a_watcher_of_one_name_sees_no_other() {
    let registry = MemoryRegistry::new();
    let mut events = registry.watch(Some("greeter")).await.unwrap();
    let other = Service {
        name: "audit".to_owned(),
        ..greeter(&["audit-1"])
    };

    registry.register(&other, None).await.unwrap();
    registry.register(&greeter(&["one"]), None).await.unwrap();

    let event = events.next().await.unwrap().unwrap();
    assert_eq!(event.service.name, "greeter");
}

#[tokio::test(start_paused = true)]
async fn a_watcher_that_fell_behind_ends() {
    let registry = MemoryRegistry::new();
    let mut events = registry.watch(None).await.unwrap();

    for n in 0..1500 {
        registry
            .register(&greeter(&[&n.to_string()]), None)
            .await
            .unwrap();
    }

    assert!(events.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn deregistering_takes_back_the_nodes_named_and_no_others() {
    let registry = MemoryRegistry::new();
    registry
        .register(&greeter(&["one", "two"]), None)
        .await
        .unwrap();

    registry
        .deregister(&greeter(&["one", "unknown"]))
        .await
        .unwrap();

    assert_eq!(ids(&registry.get("greeter").await.unwrap()), ["two"]);
}
