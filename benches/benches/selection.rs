//! What choosing a node costs, in nanoseconds, among ten nodes and among ten thousand.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use micro::registry::{Cache, Candidate, MemoryRegistry, Node, Registry, Service, Snapshot};
use micro::selector::Backend;

const CHOICES: u32 = 200_000;

async fn fleet(nodes: usize) -> Arc<Snapshot> {
    let node = |number| Node {
        id: format!("greeter-{number}"),
        address: format!("10.0.0.1:{number}"),
        ..Node::default()
    };
    let service = Service {
        name: "greeter".to_owned(),
        nodes: (0..nodes).map(node).collect(),
        ..Service::default()
    };
    let registry = MemoryRegistry::new();
    registry.register(&service, None).await.unwrap();
    let cache = Cache::new(Arc::new(registry));
    let snapshot = cache.snapshot("greeter", Duration::from_secs(1)).await;
    snapshot.unwrap()
}

/// The best of several runs, so that what else the machine does counts little.
fn cost(rounds: u32, choose: impl Fn(u32)) -> f64 {
    let round = |_| {
        let began = Instant::now();
        (0..rounds).for_each(&choose);
        began.elapsed().as_secs_f64() * 1e9 / f64::from(rounds)
    };
    (0..7).map(round).fold(f64::INFINITY, f64::min)
}

#[micro::tokio::main(crate = "micro::tokio", flavor = "current_thread")]
async fn main() {
    let fleets = [fleet(10).await, fleet(10_000).await];
    for snapshot in &fleets {
        for candidate in &snapshot.candidates {
            candidate.begin().answered();
        }
    }
    let alive = |candidate: &Candidate| !candidate.is_ejected();
    println!("{:12}{:>10}{:>10}", "", "10", "10,000");
    for backend in micro::inventory::iter::<Backend> {
        let selector = (backend.open)();
        let costs = fleets.each_ref().map(|snapshot| {
            // Those that look at all nodes are slow among many.
            let rounds = if snapshot.candidates.len() > 10 {
                CHOICES / 100
            } else {
                CHOICES
            };
            cost(rounds, |_| {
                black_box(selector.select(snapshot, &alive));
            })
        });
        println!("{:12}{:10.0}{:10.0}", selector.name(), costs[0], costs[1]);
    }
    let keys: Vec<String> = (0..1000).map(|key| format!("user-{key}")).collect();
    let costs = fleets.each_ref().map(|snapshot| {
        cost(CHOICES / 10, |number| {
            black_box(snapshot.owner(&keys[number as usize % keys.len()], &alive));
        })
    });
    println!("{:12}{:10.0}{:10.0}", "by key", costs[0], costs[1]);
    let began = Instant::now();
    let fresh = fleet(10_000).await;
    let known = began.elapsed();
    fresh.owner("user-42", &alive);
    println!(
        "the first call by key among 10,000: {:?}",
        began.elapsed() - known
    );
}
