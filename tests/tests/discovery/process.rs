//! Two processes, one of which is killed.

use std::io::{Read, stdin};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use micro::registry::{Action, Registry};
use tokio::time::Instant;

use super::{next, registry, service};

/// A process of its own that announces `greeter` until it ends.
struct Process(Child);

impl Process {
    fn start(fleet: &str) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args([
            "--exact",
            "process::serve_in_a_process_of_its_own",
            "--nocapture",
        ]);
        command
            .env("FLEET", fleet)
            .stdin(Stdio::piped())
            .stdout(Stdio::null());
        Self(command.spawn().unwrap())
    }

    fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// Not a test by itself: what [`Process`] runs.
#[tokio::test]
async fn serve_in_a_process_of_its_own() {
    let Ok(fleet) = std::env::var("FLEET") else {
        return;
    };
    let registry = registry(&fleet);
    registry.register(&service("greeter"), None).await.unwrap();
    // The end of the input says that the parent is gone.
    stdin().read_to_end(&mut Vec::new()).unwrap();
}

#[tokio::test]
async fn two_processes_find_each_other() {
    let fleet = micro::id::random();
    let registry = registry(&fleet);
    let mut events = registry.watch(Some("greeter")).await.unwrap();

    let _process = Process::start(&fleet);

    assert_eq!(next(&mut events).await.action, Action::Create);
}

#[tokio::test]
async fn a_process_that_is_killed_is_gone_after_two_heartbeats() {
    let fleet = micro::id::random();
    let registry = registry(&fleet);
    let mut events = registry.watch(Some("greeter")).await.unwrap();
    let mut process = Process::start(&fleet);
    next(&mut events).await;
    let began = Instant::now();

    process.kill();
    let event = next(&mut events).await;

    assert_eq!(event.action, Action::Delete);
    assert!(
        began.elapsed() < Duration::from_secs(11),
        "{:?}",
        began.elapsed()
    );
}

#[tokio::test]
async fn a_process_that_runs_stays() {
    let fleet = micro::id::random();
    let here = registry(&fleet);
    let mut events = here.watch(None).await.unwrap();
    let _process = Process::start(&fleet);
    let first = next(&mut events).await.service;

    // Longer than an announcement is good for.
    let clock = registry(&fleet);
    let ttl = Duration::from_secs(13);
    clock.register(&service("clock"), Some(ttl)).await.unwrap();
    let clock = [next(&mut events).await, next(&mut events).await].map(|event| event.service.name);

    assert_eq!(clock, ["clock", "clock"]);
    assert_eq!(here.get("greeter").await.unwrap(), [first]);
}
