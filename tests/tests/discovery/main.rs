//! Processes on one host find each other at once, with no server and no network.

mod process;
mod records;

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use micro::registry::{
    Action, Cache, Event, MdnsRegistry, Node, Options, Registry, Service, Watcher,
};
use tokio::time::{Instant, timeout};

/// What is waited for comes much sooner, or the test fails.
const SOON: Duration = Duration::from_secs(20);

fn registry(namespace: &str) -> MdnsRegistry {
    let mut options = Options::default();
    options.namespace = namespace.to_owned();
    MdnsRegistry::new(&options).unwrap()
}

fn service(name: &str) -> Service {
    let node = Node {
        id: format!("{name}-{}", micro::id::random()),
        address: "127.0.0.1:8080".to_owned(),
        ..Node::default()
    };
    Service {
        name: name.to_owned(),
        version: "1.0.0".to_owned(),
        nodes: vec![node],
        ..Service::default()
    }
}

async fn next(events: &mut Watcher) -> Event {
    let next = timeout(SOON, events.next()).await;
    next.expect("nothing happened").unwrap().unwrap()
}

#[tokio::test]
async fn a_node_that_registers_is_found_at_once() {
    let fleet = micro::id::random();
    let (here, there) = (registry(&fleet), registry(&fleet));
    let mut events = there.watch(Some("greeter")).await.unwrap();
    let greeter = service("greeter");
    let began = Instant::now();

    here.register(&greeter, None).await.unwrap();
    let event = next(&mut events).await;

    assert_eq!((event.action, event.service), (Action::Create, greeter));
    assert!(
        began.elapsed() < Duration::from_secs(1),
        "{:?}",
        began.elapsed()
    );
}

#[tokio::test]
async fn a_node_that_was_there_before_is_found() {
    let fleet = micro::id::random();
    let (here, there) = (registry(&fleet), registry(&fleet));
    let greeter = service("greeter");
    here.register(&greeter, None).await.unwrap();

    let cache = Cache::new(Arc::new(there));
    let found = cache
        .snapshot("greeter", Duration::from_secs(2))
        .await
        .unwrap();

    assert_eq!(found.candidates[0].node, greeter.nodes[0]);
}

/// The daemon's own question would be answered a second later.
#[tokio::test]
async fn a_node_that_registered_a_moment_ago_is_found_at_once() {
    let fleet = micro::id::random();
    let (here, there) = (registry(&fleet), registry(&fleet));
    here.register(&service("greeter"), None).await.unwrap();
    let cache = Cache::new(Arc::new(there));
    let began = Instant::now();

    let found = cache.snapshot("greeter", SOON).await;

    assert!(found.is_ok(), "{found:?}");
    assert!(
        began.elapsed() < Duration::from_millis(700),
        "{:?}",
        began.elapsed()
    );
}

#[tokio::test]
async fn fifty_services_of_one_process_are_found() {
    let fleet = micro::id::random();
    let (here, there) = (registry(&fleet), registry(&fleet));
    for number in 0..50 {
        let service = service(&format!("service-{number:02}"));
        here.register(&service, None).await.unwrap();
    }

    let found = there.list().await.unwrap();

    let names: Vec<_> = found.into_iter().map(|service| service.name).collect();
    let all: Vec<_> = (0..50)
        .map(|number| format!("service-{number:02}"))
        .collect();
    assert_eq!(names, all);
}

#[tokio::test]
async fn a_node_on_loopback_is_known_to_be_local() {
    let fleet = micro::id::random();
    let (here, there) = (registry(&fleet), registry(&fleet));
    here.register(&service("greeter"), None).await.unwrap();

    let cache = Cache::new(Arc::new(there));
    let found = cache
        .snapshot("greeter", Duration::from_secs(2))
        .await
        .unwrap();

    assert!(found.candidates[0].is_local());
}

#[tokio::test]
async fn a_process_finds_its_own_nodes() {
    let registry = registry(&micro::id::random());
    let greeter = service("greeter");

    registry.register(&greeter, None).await.unwrap();

    assert_eq!(registry.get("greeter").await.unwrap(), [greeter]);
}

#[tokio::test]
async fn a_node_that_deregisters_is_gone_at_once() {
    let fleet = micro::id::random();
    let (here, there) = (registry(&fleet), registry(&fleet));
    let mut events = there.watch(Some("greeter")).await.unwrap();
    let greeter = service("greeter");
    here.register(&greeter, None).await.unwrap();
    next(&mut events).await;
    let began = Instant::now();

    here.deregister(&greeter).await.unwrap();
    let event = next(&mut events).await;

    assert_eq!((event.action, event.service), (Action::Delete, greeter));
    assert!(
        began.elapsed() < Duration::from_secs(1),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(there.get("greeter").await.unwrap_err().code(), 404);
}

#[tokio::test]
async fn deregistering_one_node_leaves_its_neighbours() {
    let fleet = micro::id::random();
    let (here, there) = (registry(&fleet), registry(&fleet));
    let mut events = there.watch(None).await.unwrap();
    let (greeter, audit) = (service("greeter"), service("audit"));
    for service in [&greeter, &audit] {
        here.register(service, None).await.unwrap();
        next(&mut events).await;
    }

    here.deregister(&greeter).await.unwrap();
    next(&mut events).await;
    // mDNS takes a second to forget: what it forgets too much would be gone by the next event.
    let chat = service("chat");
    here.register(&chat, Some(Duration::from_secs(2)))
        .await
        .unwrap();
    let changes = [next(&mut events).await, next(&mut events).await];

    assert_eq!(changes.map(|event| event.service), [chat.clone(), chat]);
    assert_eq!(there.get("audit").await.unwrap(), [audit]);
}

#[tokio::test]
async fn dropping_a_registry_takes_its_nodes_back() {
    let fleet = micro::id::random();
    let (here, there) = (registry(&fleet), registry(&fleet));
    let mut events = there.watch(Some("greeter")).await.unwrap();
    here.register(&service("greeter"), None).await.unwrap();
    next(&mut events).await;
    let began = Instant::now();

    drop(here);

    assert_eq!(next(&mut events).await.action, Action::Delete);
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "{:?}",
        began.elapsed()
    );
}

#[tokio::test]
async fn dropping_a_registry_ends_its_watchers_and_threads() {
    let registry = registry(&micro::id::random());
    let mut events = registry.watch(Some("greeter")).await.unwrap();
    registry.register(&service("greeter"), None).await.unwrap();
    next(&mut events).await;

    drop(registry);

    // Its threads hold the other end.
    let end = timeout(SOON, events.next())
        .await
        .expect("nothing happened");
    assert!(end.is_none());
}

#[tokio::test]
async fn namespaces_do_not_see_each_other() {
    let (ours, theirs) = (micro::id::random(), micro::id::random());
    let (here, there, apart) = (registry(&ours), registry(&ours), registry(&theirs));
    let mut events = there.watch(None).await.unwrap();

    apart.register(&service("stranger"), None).await.unwrap();
    here.register(&service("greeter"), None).await.unwrap();
    let event = next(&mut events).await;

    assert_eq!(event.service.name, "greeter");
    assert_eq!(there.list().await.unwrap().len(), 1);
}

#[tokio::test]
async fn the_registry_says_where_it_looks() {
    let mut options = Options::default();
    assert_eq!(
        MdnsRegistry::new(&options).unwrap().describe(),
        "mdns on loopback (127.0.0.1)"
    );

    options.namespace = "blue".to_owned();
    options.addresses = vec!["eth7".to_owned()];
    assert_eq!(
        MdnsRegistry::new(&options).unwrap().describe(),
        "mdns on loopback (127.0.0.1), eth7, namespace blue"
    );
}
