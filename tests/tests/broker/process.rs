//! Members of a group in processes of their own, which come and go by SIGTERM while messages are published.

use std::fs::{File, OpenOptions, read_to_string};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use futures_util::StreamExt;
use micro::broker::{Broker, HttpBroker, Options, REASON};
use micro::prelude::*;
use micro::registry::{Action, MdnsRegistry, Registry, Watcher};
use micro::{Error, Service};

use super::ends::{group, message, soon};
use micro::conformance::broker::Seen;

const TEST: &str = "process::a_member_in_a_process_of_its_own";
const STEPS: usize = 4;
/// How many messages are published while one member comes and another goes.
const BATCH: usize = 50;

/// The last of ten is poison.
fn is_poison(id: usize) -> bool {
    id % 10 == 9
}

/// A member; dropping it kills it.
struct Member(Child);

impl Member {
    /// Starts a member, and waits until it can be found.
    async fn start(fleet: &str, file: &Path, events: &mut Watcher) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", TEST, "--nocapture"]);
        command.env("FLEET", fleet).env("FILE", file);
        let member = Self(command.stdout(Stdio::null()).spawn().unwrap());
        let is_new = |action| action == Action::Create;
        while !is_new(soon(events.next()).await.unwrap().unwrap().action) {}
        member
    }

    /// Ends it by SIGTERM, and waits until it is gone.
    async fn stop(mut self) {
        let id = self.0.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &id]).status();
        assert!(sent.unwrap().success());
        let ended = tokio::task::spawn_blocking(move || self.0.wait().unwrap());
        assert!(soon(ended).await.unwrap().success());
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

fn note(file: &mut File, id: usize) {
    // One write, which other processes do not interrupt.
    file.write_all(format!("{id}\n").as_bytes()).unwrap();
}

/// Not a test by itself: what [`Member`] runs. It notes each message before it acks it.
#[tokio::test]
async fn a_member_in_a_process_of_its_own() {
    let (Ok(fleet), Ok(path)) = (std::env::var("FLEET"), std::env::var("FILE")) else {
        return;
    };
    let service = Service::builder("member").namespace(fleet);
    let service = service.linger(Duration::ZERO).build().await.unwrap();
    let handle = subscriber(
        "orders",
        Mode::group("g"),
        move |_: Context, id: Plain<usize>| {
            let mut file = OpenOptions::new().append(true).open(&path).unwrap();
            async move {
                if is_poison(id.0) {
                    return Err(Error::conflict("member", "poison"));
                }
                note(&mut file, id.0);
                Ok(())
            }
        },
    );
    service.subscriber(handle).run().await.unwrap();
}

fn file(fleet: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(fleet);
    File::create(&path).unwrap();
    path
}

fn broker(registry: &Arc<dyn Registry>) -> HttpBroker {
    let mut options = Options::default();
    options.registry = Some(Arc::clone(registry));
    HttpBroker::new(&options).unwrap()
}

fn registry(fleet: &str) -> Arc<dyn Registry> {
    let mut options = micro::registry::Options::default();
    options.namespace = fleet.to_owned();
    Arc::new(MdnsRegistry::new(&options).unwrap())
}

fn numbers(file: &Path) -> Vec<usize> {
    let text = read_to_string(file).unwrap();
    let mut numbers: Vec<usize> = text.lines().map(|line| line.parse().unwrap()).collect();
    numbers.sort_unstable();
    numbers
}

#[tokio::test]
async fn a_member_that_is_killed_is_passed_over() {
    let fleet = micro::id::random();
    let (file, registry) = (file(&fleet), registry(&fleet));
    let mut events = registry.watch(Some("micro.http.broker")).await.unwrap();
    let killed = Member::start(&fleet, &file, &mut events).await;
    let other = Member::start(&fleet, &file, &mut events).await;
    let broker = broker(&registry);

    drop(killed);
    for id in 0..9 {
        broker
            .publish("orders", message(&id.to_string()))
            .await
            .unwrap();
    }
    other.stop().await;

    assert_eq!(numbers(&file), (0..9).collect::<Vec<_>>());
    std::fs::remove_file(file).unwrap();
}

#[tokio::test]
async fn every_message_is_handled_once_or_parked_while_members_come_and_go() {
    let fleet = micro::id::random();
    let (file, registry) = (file(&fleet), registry(&fleet));
    let broker = broker(&registry);
    let mut dead = Seen::new();
    let undertaker = broker.subscribe("dead.orders.g", group("parent"), dead.consumer("dead"));
    let _undertaker = undertaker.await.unwrap();
    let mut events = registry.watch(Some("micro.http.broker")).await.unwrap();
    let mut member = Member::start(&fleet, &file, &mut events).await;

    for step in 0..STEPS {
        let publish = async {
            for id in step * BATCH..(step + 1) * BATCH {
                let event = message(&id.to_string());
                broker.publish("orders", event).await.unwrap();
            }
        };
        let change = async {
            let next = Member::start(&fleet, &file, &mut events).await;
            std::mem::replace(&mut member, next).stop().await;
        };
        tokio::join!(publish, change);
    }
    // The last one handles what it took.
    member.stop().await;

    let (poison, good): (Vec<_>, Vec<_>) = (0..STEPS * BATCH).partition(|id| is_poison(*id));
    assert_eq!(numbers(&file), good);
    let mut parked = Vec::new();
    for _ in 0..poison.len() {
        let one = dead.next().await.unwrap();
        let reason = one.delivery.message.metadata.get(REASON).unwrap();
        assert!(reason.contains("poison"), "{reason}");
        parked.push(one.body().parse::<usize>().unwrap());
    }
    parked.sort_unstable();
    assert_eq!(parked, poison);
    std::fs::remove_file(file).unwrap();
}
