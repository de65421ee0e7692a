//! What every registry promises: one test for each line of `Registry`'s behaviour, run over all of them.

mod fixed;
#[cfg(feature = "live")]
mod live;
mod mdns_go;
mod memory;

use std::sync::Arc;
use std::time::Duration;

use file_registry::FileRegistry;
use futures_util::StreamExt;
use micro::registry::{
    Action, Endpoint, Event, MdnsGoRegistry, MdnsRegistry, MemoryRegistry, Node, Options, Registry,
    Service, Watcher,
};
use tokio::time::timeout;

/// What is waited for comes much sooner, or the test fails.
const SOON: Duration = Duration::from_secs(20);

/// How long a node lives where times are exact.
const TTL: Duration = Duration::from_secs(2);

/// Two ends of one registry: what is announced at one is found at the other.
struct Pair {
    here: Arc<dyn Registry>,
    there: Arc<dyn Registry>,
    /// Two thirds of it are told apart from the whole.
    ttl: Duration,
}

impl Pair {
    fn memory() -> Self {
        let registry = MemoryRegistry::new();
        Self {
            here: Arc::new(registry.clone()),
            there: Arc::new(registry),
            ttl: TTL,
        }
    }

    fn mdns() -> Self {
        let mut options = Options::default();
        options.namespace = micro::id::random();
        Self {
            here: Arc::new(MdnsRegistry::new(&options).unwrap()),
            there: Arc::new(MdnsRegistry::new(&options).unwrap()),
            ttl: TTL,
        }
    }

    fn mdns_go() -> Self {
        let mut options = Options::default();
        options.namespace = micro::id::random();
        Self {
            here: Arc::new(MdnsGoRegistry::new(&options).unwrap()),
            there: Arc::new(MdnsGoRegistry::new(&options).unwrap()),
            ttl: TTL,
        }
    }

    /// The registry of the example of a plugin; the folder lives as long as what is returned with it.
    fn files() -> (Self, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let registry = || Arc::new(FileRegistry::new(folder.path()));
        let pair = Self {
            here: registry(),
            there: registry(),
            ttl: TTL,
        };
        (pair, folder)
    }

    async fn watch(&self, name: &str) -> Watcher {
        self.there.watch(Some(name)).await.unwrap()
    }

    async fn register(&self, service: &Service) {
        self.here.register(service, None).await.unwrap();
    }

    /// Lets `time` go by: for so long, a node is there.
    async fn pass(&self, time: Duration) {
        let mut events = self.watch("clock").await;
        let clock = Service {
            name: "clock".to_owned(),
            ..greeter(&[&micro::id::random()])
        };
        self.here.register(&clock, Some(time)).await.unwrap();
        while next(&mut events).await.action != Action::Delete {}
    }
}

fn greeter(nodes: &[&str]) -> Service {
    let node = |id: &&str| Node {
        id: (*id).to_owned(),
        address: "127.0.0.1:8080".to_owned(),
        metadata: [("transport".to_owned(), "http".to_owned())].into(),
    };
    let endpoint = Endpoint {
        name: "Greeter.Hello".to_owned(),
        ..Endpoint::default()
    };
    Service {
        name: "greeter".to_owned(),
        version: "1.0.0".to_owned(),
        metadata: [("zone".to_owned(), "a".to_owned())].into(),
        endpoints: vec![endpoint],
        nodes: nodes.iter().map(node).collect(),
    }
}

async fn next(events: &mut Watcher) -> Event {
    let next = timeout(SOON, events.next()).await;
    next.expect("nothing happened").unwrap().unwrap()
}

/// The ids of the nodes found.
async fn found(registry: &Arc<dyn Registry>) -> Vec<String> {
    let services = match registry.get("greeter").await {
        Err(error) if error.code() == 404 => Vec::new(),
        services => services.unwrap(),
    };
    let nodes = services.into_iter().flat_map(|service| service.nodes);
    nodes.map(|node| node.id).collect()
}

macro_rules! over_every_registry {
    ($($behaviour:ident)*) => {
        mod over_memory {
            $(#[tokio::test(start_paused = true)]
            async fn $behaviour() {
                super::$behaviour(super::Pair::memory()).await;
            })*
        }

        mod over_files {
            $(#[tokio::test]
            async fn $behaviour() {
                let (pair, _folder) = super::Pair::files();
                super::$behaviour(pair).await;
            })*
        }

        mod over_mdns {
            $(#[tokio::test]
            async fn $behaviour() {
                super::$behaviour(super::Pair::mdns()).await;
            })*
        }

        mod over_mdns_go {
            $(#[tokio::test]
            async fn $behaviour() {
                super::$behaviour(super::Pair::mdns_go()).await;
            })*
        }

        #[cfg(feature = "live")]
        mod over_consul {
            $(#[tokio::test]
            async fn $behaviour() {
                let (pair, _server) = super::Pair::consul().await;
                super::$behaviour(pair).await;
            })*
        }

        #[cfg(feature = "live")]
        mod over_etcd {
            $(#[tokio::test]
            async fn $behaviour() {
                let (pair, _server) = super::Pair::etcd().await;
                super::$behaviour(pair).await;
            })*
        }
    };
}

over_every_registry! {
    what_is_announced_is_found_as_it_was
    what_is_announced_is_listed
    announcing_a_node_again_replaces_its_record
    announcing_a_node_again_restarts_its_ttl
    a_node_that_is_not_announced_again_is_gone_and_watchers_see_it_go
    watchers_see_one_event_for_each_node_that_is_new_or_changed_and_none_for_one_that_is_the_same
    nodes_that_are_not_known_are_not_taken_back
    watchers_see_nodes_go_that_are_taken_back
    a_name_that_nothing_announced_is_not_found
    a_name_whose_nodes_are_all_gone_has_none
    there_is_one_record_for_each_version
    what_was_announced_before_is_no_event_if_it_is_known
    a_watcher_of_one_name_sees_no_other
    a_watcher_of_all_names_sees_all
}

async fn what_is_announced_is_found_as_it_was(pair: Pair) {
    let mut events = pair.watch("greeter").await;

    pair.register(&greeter(&["one"])).await;
    next(&mut events).await;

    assert_eq!(
        pair.there.get("greeter").await.unwrap(),
        [greeter(&["one"])]
    );
}

async fn what_is_announced_is_listed(pair: Pair) {
    pair.register(&greeter(&["one"])).await;

    let listed = pair.there.list().await.unwrap();

    let listed = listed
        .iter()
        .map(|one| (one.name.as_str(), one.version.as_str()));
    assert_eq!(listed.collect::<Vec<_>>(), [("greeter", "1.0.0")]);
}

async fn announcing_a_node_again_replaces_its_record(pair: Pair) {
    let mut events = pair.watch("greeter").await;
    let mut moved = greeter(&["one"]);
    moved.nodes[0].address = "127.0.0.1:9000".to_owned();

    pair.register(&greeter(&["one"])).await;
    next(&mut events).await;
    pair.register(&moved).await;
    next(&mut events).await;

    assert_eq!(pair.there.get("greeter").await.unwrap(), [moved]);
}

async fn announcing_a_node_again_restarts_its_ttl(pair: Pair) {
    let mut events = pair.watch("greeter").await;
    let one = greeter(&["one"]);
    pair.here.register(&one, Some(pair.ttl)).await.unwrap();
    next(&mut events).await;
    pair.pass(pair.ttl * 2 / 3).await;

    pair.here.register(&one, Some(pair.ttl)).await.unwrap();
    pair.pass(pair.ttl * 2 / 3).await;

    assert_eq!(found(&pair.there).await, ["one"]);
}

async fn a_node_that_is_not_announced_again_is_gone_and_watchers_see_it_go(pair: Pair) {
    let mut events = pair.watch("greeter").await;
    let one = greeter(&["one"]);

    pair.here.register(&one, Some(pair.ttl)).await.unwrap();
    next(&mut events).await;
    let event = next(&mut events).await;

    assert_eq!((event.action, event.service), (Action::Delete, one));
    assert!(found(&pair.there).await.is_empty());
}

async fn watchers_see_one_event_for_each_node_that_is_new_or_changed_and_none_for_one_that_is_the_same(
    pair: Pair,
) {
    let mut events = pair.watch("greeter").await;
    let mut changed = greeter(&["one"]);
    changed.nodes[0].address = "127.0.0.1:9000".to_owned();

    pair.register(&greeter(&["one"])).await;
    let first = next(&mut events).await;
    pair.register(&greeter(&["one"])).await;
    pair.register(&changed).await;
    let second = next(&mut events).await;
    pair.register(&greeter(&["two"])).await;
    let third = next(&mut events).await;

    assert_eq!(
        (first.action, first.service),
        (Action::Create, greeter(&["one"]))
    );
    assert_eq!((second.action, second.service), (Action::Update, changed));
    assert_eq!(
        (third.action, third.service),
        (Action::Create, greeter(&["two"]))
    );
}

async fn nodes_that_are_not_known_are_not_taken_back(pair: Pair) {
    let mut events = pair.watch("greeter").await;
    pair.register(&greeter(&["one"])).await;
    next(&mut events).await;

    pair.here.deregister(&greeter(&["two"])).await.unwrap();

    assert_eq!(found(&pair.there).await, ["one"]);
}

async fn watchers_see_nodes_go_that_are_taken_back(pair: Pair) {
    let mut events = pair.watch("greeter").await;
    pair.register(&greeter(&["one", "two"])).await;
    next(&mut events).await;
    next(&mut events).await;

    pair.here.deregister(&greeter(&["one"])).await.unwrap();
    let event = next(&mut events).await;

    assert_eq!(
        (event.action, event.service),
        (Action::Delete, greeter(&["one"]))
    );
    assert_eq!(found(&pair.there).await, ["two"]);
}

async fn a_name_that_nothing_announced_is_not_found(pair: Pair) {
    let error = pair.there.get("greeter").await.unwrap_err();

    assert_eq!(error.code(), 404);
}

async fn a_name_whose_nodes_are_all_gone_has_none(pair: Pair) {
    let mut events = pair.watch("greeter").await;
    pair.register(&greeter(&["one"])).await;
    next(&mut events).await;

    pair.here.deregister(&greeter(&["one"])).await.unwrap();
    next(&mut events).await;

    assert!(found(&pair.there).await.is_empty());
}

async fn there_is_one_record_for_each_version(pair: Pair) {
    let mut events = pair.watch("greeter").await;
    let older = greeter(&["one", "two"]);
    let newer = Service {
        version: "2.0.0".to_owned(),
        ..greeter(&["three"])
    };

    pair.register(&older).await;
    pair.register(&newer).await;
    for _ in 0..3 {
        next(&mut events).await;
    }

    assert_eq!(pair.there.get("greeter").await.unwrap(), [older, newer]);
}

async fn what_was_announced_before_is_no_event_if_it_is_known(pair: Pair) {
    let mut earlier = pair.watch("greeter").await;
    pair.register(&greeter(&["one"])).await;
    next(&mut earlier).await;

    let mut events = pair.watch("greeter").await;
    pair.register(&greeter(&["two"])).await;
    let event = next(&mut events).await;

    assert_eq!(event.service, greeter(&["two"]));
}

async fn a_watcher_of_one_name_sees_no_other(pair: Pair) {
    let mut events = pair.watch("greeter").await;
    let other = Service {
        name: "audit".to_owned(),
        ..greeter(&["audit-1"])
    };

    pair.register(&other).await;
    pair.register(&greeter(&["one"])).await;

    assert_eq!(next(&mut events).await.service.name, "greeter");
}

async fn a_watcher_of_all_names_sees_all(pair: Pair) {
    let mut events = pair.there.watch(None).await.unwrap();
    let other = Service {
        name: "audit".to_owned(),
        ..greeter(&["audit-1"])
    };

    pair.register(&other).await;
    let first = next(&mut events).await;
    pair.register(&greeter(&["one"])).await;
    let second = next(&mut events).await;

    assert_eq!((first.service, second.service), (other, greeter(&["one"])));
}
