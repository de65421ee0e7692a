//! From start to stop: hooks, and who may end it.

use std::sync::{Arc, Mutex};

use micro::prelude::*;
use micro::registry::Registry;
use micro::{Error, Service};
use tests::System;

/// What happened, in order.
#[derive(Clone, Default)]
struct Diary(Arc<Mutex<Vec<String>>>);

impl Diary {
    fn write(&self, word: impl Into<String>) {
        self.0.lock().unwrap().push(word.into());
    }

    fn read(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

async fn is_registered(system: &System) -> bool {
    let found = system.registry.get("greeter").await;
    found.is_ok_and(|services| services.iter().any(|own| !own.nodes.is_empty()))
}

/// A service whose hooks write down when they ran and whether it was registered then.
async fn service(system: &System, diary: &Diary) -> Service {
    let note = |word: &'static str| {
        let (system, diary) = (system.clone(), diary.clone());
        move || async move {
            diary.write(format!("{word}: {}", is_registered(&system).await));
        }
    };
    let (before_start, after_start) = (note("before start"), note("after start"));
    let service = system.service("greeter").await;
    service
        .before_start(move || async move {
            before_start().await;
            Ok(())
        })
        .after_start(move || async move {
            after_start().await;
            Ok(())
        })
        .before_stop(note("before stop"))
        .after_stop(note("after stop"))
}

const WHOLE: [&str; 4] = [
    "before start: false",
    "after start: true",
    "before stop: true",
    "after stop: false",
];

#[tokio::test]
async fn hooks_run_before_and_after_the_start_and_the_stop() {
    let (system, diary) = (System::default(), Diary::default());

    let running = service(&system, &diary).await.start().await.unwrap();
    running.stop().await;

    assert_eq!(diary.read(), WHOLE);
}

#[tokio::test]
async fn hooks_of_one_kind_run_in_the_order_in_which_they_were_added() {
    let (system, diary) = (System::default(), Diary::default());
    let mut service = system.service("greeter").await;
    for word in ["one", "two", "three"] {
        let diary = diary.clone();
        service = service.before_start(async move || {
            diary.write(word);
            Ok(())
        });
    }

    let _running = service.start().await.unwrap();

    assert_eq!(diary.read(), ["one", "two", "three"]);
}

#[tokio::test]
async fn a_hook_that_fails_before_the_start_is_its_error_and_nothing_is_announced() {
    let system = System::default();
    let service = system.service("greeter").await;
    let service = service.before_start(async || Err(Error::conflict("store", "it is locked")));

    let error = service.start().await.unwrap_err();

    assert_eq!(error.detail(), "it is locked");
    assert_eq!(
        system.registry.get("greeter").await.unwrap_err().code(),
        404
    );
}

#[tokio::test]
async fn a_hook_that_fails_after_the_start_stops_the_service() {
    let system = System::default();
    let service = system.service("greeter").await;
    let service = service.after_start(async || Err(Error::conflict("store", "it is locked")));

    let error = service.start().await.unwrap_err();

    assert_eq!(error.detail(), "it is locked");
    assert!(!is_registered(&system).await);
}

#[tokio::test]
async fn a_service_runs_until_it_is_told_to_stop() {
    let (system, diary) = (System::default(), Diary::default());
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let service = service(&system, &diary).await;
    let service = service.after_start(async move || {
        stop.send(()).unwrap();
        Ok(())
    });

    let ended = service.run_until(async { stopped.await.unwrap() }).await;

    assert!(ended.is_ok());
    assert_eq!(diary.read(), WHOLE);
}

#[tokio::test]
async fn the_hooks_of_a_function_run_round_its_one_request() {
    let (system, diary) = (System::default(), Diary::default());
    let written = diary.clone();
    let run = unary(move |_: Context, _: Plain<()>| {
        let diary = written.clone();
        async move {
            diary.write("run");
            Ok::<_, Error>(Plain(()))
        }
    });
    let function = service(&system, &diary).await.endpoint("Greeter.Run", run);
    let client = system.service("client").await;

    let call = client
        .client()
        .call::<_, Plain<()>>("greeter", "Greeter.Run", &Plain(()));
    let (ended, reply) = tokio::join!(function.run_once(), call.into_future());

    assert!(ended.is_ok() && reply.is_ok());
    let expected = [
        "before start: false",
        "after start: true",
        "before stop: true",
        "run",
        "after stop: false",
    ];
    assert_eq!(diary.read(), expected);
}
