//! Several registries as one, of which some are away.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use micro::registry::{
    Action, Cache, MemoryRegistry, MultiRegistry, Options, Registry, Service, Watcher,
};
use micro::{Error, Result, async_trait};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use super::greeter;

/// Much more than anything takes.
const SOON: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, Debug, PartialEq)]
enum Standing {
    Well,
    Away,
    Hanging,
}

/// A registry whose server may be away, or hang; clones share it.
#[derive(Clone, Debug)]
struct Faulty {
    inner: Arc<std::sync::Mutex<MemoryRegistry>>,
    standing: watch::Sender<Standing>,
}

impl Default for Faulty {
    fn default() -> Self {
        Self {
            inner: Arc::default(),
            standing: watch::Sender::new(Standing::Well),
        }
    }
}

impl Faulty {
    fn is(&self, standing: Standing) {
        self.standing.send_replace(standing);
    }

    /// Its server has lost everything.
    fn forget(&self) {
        *self.inner.lock().unwrap() = MemoryRegistry::new();
    }

    async fn inner(&self) -> Result<MemoryRegistry> {
        let standing = *self.standing.borrow();
        match standing {
            Standing::Well => Ok(self.inner.lock().unwrap().clone()),
            Standing::Away => Err(away()),
            Standing::Hanging => std::future::pending().await,
        }
    }
}

fn away() -> Error {
    Error::unavailable("faulty", "faulty is away")
}

#[async_trait]
impl Registry for Faulty {
    async fn register(&self, service: &Service, ttl: Option<Duration>) -> Result<()> {
        self.inner().await?.register(service, ttl).await
    }

    async fn deregister(&self, service: &Service) -> Result<()> {
        self.inner().await?.deregister(service).await
    }

    async fn get(&self, name: &str) -> Result<Vec<Service>> {
        self.inner().await?.get(name).await
    }

    async fn list(&self) -> Result<Vec<Service>> {
        self.inner().await?.list().await
    }

    async fn watch(&self, name: Option<&str>) -> Result<Watcher> {
        let changes = self.inner().await?.watch(name).await?;
        let broken = futures_util::stream::once(async { Err(away()) }).boxed();
        let mut standing = self.standing.subscribe();
        let gone = async move {
            let _ = standing
                .wait_for(|standing| *standing == Standing::Away)
                .await;
        };
        Ok(changes.take_until(gone).chain(broken).boxed())
    }

    fn describe(&self) -> String {
        "faulty".to_owned()
    }

    fn name(&self) -> &'static str {
        "faulty"
    }
}

/// Two, and both as one.
fn two() -> (Faulty, Faulty, MultiRegistry) {
    let (one, other) = (Faulty::default(), Faulty::default());
    let both: [Arc<dyn Registry>; 2] = [Arc::new(one.clone()), Arc::new(other.clone())];
    (one, other, MultiRegistry::new(both))
}

async fn ids(registry: &dyn Registry) -> Vec<String> {
    let services = match registry.get("greeter").await {
        Err(error) if error.code() == 404 => Vec::new(),
        services => services.unwrap(),
    };
    let nodes = services.into_iter().flat_map(|service| service.nodes);
    nodes.map(|node| node.id).collect()
}

#[tokio::test(start_paused = true)]
async fn a_node_is_announced_to_all() {
    let (one, other, both) = two();

    both.register(&greeter(&["a"]), None).await.unwrap();

    assert_eq!(
        (ids(&one).await, ids(&other).await),
        (vec!["a".to_owned()], vec!["a".to_owned()])
    );
}

#[tokio::test(start_paused = true)]
async fn that_one_takes_a_node_is_enough_and_the_other_has_it_once_it_is_announced_again() {
    let (one, other, both) = two();
    one.is(Standing::Away);

    both.register(&greeter(&["a"]), None).await.unwrap();
    one.is(Standing::Well);
    let (before, there) = (ids(&one).await, ids(&other).await);
    both.register(&greeter(&["a"]), None).await.unwrap();

    assert_eq!(
        (before.len(), there.len(), ids(&one).await.len()),
        (0, 1, 1)
    );
}

#[tokio::test(start_paused = true)]
async fn what_all_are_it_is() {
    let (one, other, both) = two();
    one.is(Standing::Away);
    other.is(Standing::Hanging);

    let error = both.register(&greeter(&["a"]), None).await.unwrap_err();

    assert_eq!(error.code(), 503);
    assert!(
        error
            .detail()
            .contains("faulty is away; faulty did not answer"),
        "{error}"
    );
    assert_eq!(both.get("greeter").await.unwrap_err().code(), 503);
    assert_eq!(both.watch(Some("greeter")).await.err().unwrap().code(), 503);
}

#[tokio::test(start_paused = true)]
async fn what_each_knows_is_found_and_what_both_know_once() {
    let (one, other, both) = two();
    one.register(&greeter(&["a", "b"]), None).await.unwrap();
    other.register(&greeter(&["b", "c"]), None).await.unwrap();

    let found = both.get("greeter").await.unwrap();

    assert_eq!(found, [greeter(&["a", "b", "c"])]);
}

#[tokio::test(start_paused = true)]
async fn one_that_hangs_holds_up_a_caller_for_a_second_and_the_next_not_at_all() {
    let (one, other, both) = two();
    other.register(&greeter(&["a"]), None).await.unwrap();
    one.is(Standing::Hanging);
    let begun = Instant::now();

    let first = (ids(&both).await, begun.elapsed());
    let second = (ids(&both).await, begun.elapsed());

    assert_eq!(first, (vec!["a".to_owned()], Duration::from_secs(1)));
    assert_eq!(second, first);
}

#[tokio::test(start_paused = true)]
async fn one_that_hangs_holds_up_a_registration_for_a_second() {
    let (one, _, both) = two();
    one.is(Standing::Hanging);
    let begun = Instant::now();

    both.register(&greeter(&["a"]), None).await.unwrap();

    assert_eq!(begun.elapsed(), Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn of_one_that_is_away_what_it_said_last_holds() {
    let (one, other, both) = two();
    one.register(&greeter(&["a"]), None).await.unwrap();
    other.register(&greeter(&["b"]), None).await.unwrap();
    ids(&both).await;

    one.is(Standing::Away);

    assert_eq!(ids(&both).await, ["a", "b"]);
    assert!(
        both.describe()
            .contains("faulty, which does not answer and faulty")
    );
}

async fn seen(events: &mut Watcher) -> (Action, String) {
    let event = timeout(SOON, events.next()).await.expect("nothing changed");
    let event = event.unwrap().unwrap();
    (event.action, event.service.nodes[0].id.clone())
}

#[tokio::test(start_paused = true)]
async fn a_node_is_new_when_the_first_has_it_and_gone_when_the_last_has_lost_it() {
    let (one, other, both) = two();
    let mut events = both.watch(Some("greeter")).await.unwrap();
    let a = greeter(&["a"]);

    one.register(&a, None).await.unwrap();
    let first = seen(&mut events).await;
    other.register(&a, None).await.unwrap();
    one.deregister(&a).await.unwrap();
    other.register(&greeter(&["b"]), None).await.unwrap();
    let second = seen(&mut events).await;
    other.deregister(&a).await.unwrap();
    let third = seen(&mut events).await;

    let due = [
        (Action::Create, "a"),
        (Action::Create, "b"),
        (Action::Delete, "a"),
    ];
    assert_eq!(
        [first, second, third],
        due.map(|(action, id)| (action, id.to_owned()))
    );
}

#[tokio::test(start_paused = true)]
async fn a_node_that_leaves_while_one_is_away_is_gone() {
    let (one, other, both) = two();
    both.register(&greeter(&["a"]), None).await.unwrap();
    ids(&both).await;
    one.is(Standing::Away);
    let mut events = both.watch(Some("greeter")).await.unwrap();

    other.deregister(&greeter(&["a"])).await.unwrap();

    assert_eq!(seen(&mut events).await, (Action::Delete, "a".to_owned()));
    assert!(ids(&both).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn watchers_are_told_that_one_went_away_and_that_it_is_back() {
    let (one, _, both) = two();
    let mut before = both.watch(Some("greeter")).await.unwrap();

    one.is(Standing::Away);
    let went = timeout(SOON, before.next()).await.unwrap().unwrap();
    let mut since = both.watch(Some("greeter")).await.unwrap();
    one.is(Standing::Well);
    let back = timeout(SOON, since.next()).await.unwrap().unwrap();

    assert_eq!(
        (went.unwrap_err().code(), back.unwrap_err().code()),
        (503, 503)
    );
    assert!(since.next().await.is_none());
}

/// The ids of the nodes that callers see.
fn callable(cache: &Cache) -> Vec<String> {
    let snapshot = cache.peek("greeter");
    let candidates = snapshot.iter().flat_map(|snapshot| &snapshot.candidates);
    candidates.map(|one| one.node.id.clone()).collect()
}

async fn until(cache: &Cache, ids: &[&str]) {
    let seen = async {
        while callable(cache) != ids {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let seen = timeout(SOON, seen).await;
    seen.unwrap_or_else(|_| panic!("{:?}", callable(cache)));
}

#[tokio::test(start_paused = true)]
async fn callers_keep_the_nodes_of_one_that_is_away_and_hear_of_those_of_the_others() {
    let (one, other, both) = two();
    one.register(&greeter(&["a"]), None).await.unwrap();
    let cache = Cache::new(Arc::new(both));
    cache.snapshot("greeter", SOON).await.unwrap();

    one.is(Standing::Away);
    tokio::time::sleep(Duration::from_secs(300)).await;
    other.register(&greeter(&["b"]), None).await.unwrap();

    until(&cache, &["a", "b"]).await;
}

#[tokio::test(start_paused = true)]
async fn callers_keep_the_nodes_of_one_that_came_back_empty_until_they_are_announced_again() {
    let (one, _, both) = two();
    one.register(&greeter(&["a", "b"]), None).await.unwrap();
    let cache = Cache::new(Arc::new(both));
    cache.snapshot("greeter", SOON).await.unwrap();

    one.is(Standing::Away);
    tokio::time::sleep(Duration::from_secs(30)).await;
    one.forget();
    one.is(Standing::Well);
    tokio::time::sleep(Duration::from_secs(25)).await;
    let kept = callable(&cache);
    one.register(&greeter(&["a"]), None).await.unwrap();

    assert_eq!(kept, ["a", "b"]);
    until(&cache, &["a"]).await;
}

fn open(addresses: &[&str]) -> Result<MultiRegistry> {
    let mut options = Options::default();
    options.addresses = addresses.iter().map(|&one| one.to_owned()).collect();
    MultiRegistry::open(&options)
}

#[tokio::test]
async fn each_is_named_with_its_addresses_or_without() {
    let both = open(&[
        "static=greeter=10.0.0.1:8080",
        "memory",
        "static=greeter=10.0.0.2:8080",
    ])
    .unwrap();

    both.register(&greeter(&["a"]), None).await.unwrap();

    let found = ids(&both).await;
    assert_eq!(
        found,
        ["greeter-10.0.0.1:8080", "greeter-10.0.0.2:8080", "a"]
    );
}

#[tokio::test]
async fn one_that_is_not_in_this_program_or_none_is_refused_with_what_to_write() {
    let unknown = open(&["memory", "zookeeper=10.0.0.1"]).unwrap_err();
    let none = open(&[]).unwrap_err();

    assert!(unknown.detail().contains("\"zookeeper\""), "{unknown}");
    assert!(
        none.detail().contains("consul=127.0.0.1:8500,mdns"),
        "{none}"
    );
}
