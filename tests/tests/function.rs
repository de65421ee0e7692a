//! A service that answers one request, or one event, and ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use micro::prelude::*;
use micro::registry::Registry;
use micro::{Error, Service};
use tests::System;
use tokio::sync::{mpsc, oneshot};

async fn greet(client: &Service) -> micro::Result<Plain<String>> {
    client.client().call("fnc", "Fnc.Run", &Plain(())).await
}

#[tokio::test]
async fn a_function_answers_one_request_and_ends() {
    let system = System::default();
    let run = unary(async |_: Context, _: Plain<()>| Ok::<_, Error>(Plain("done".to_owned())));
    let function = tokio::spawn(
        system
            .service("fnc")
            .await
            .endpoint("Fnc.Run", run)
            .run_once(),
    );

    let reply = greet(&system.service("client").await).await.unwrap();

    assert_eq!(reply.0, "done");
    function.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_function_is_deregistered_before_its_handler_runs() {
    let system = System::default();
    let registry = system.registry.clone();
    let run = unary(move |_: Context, _: Plain<()>| {
        let registry = registry.clone();
        async move {
            let known = registry
                .get("fnc")
                .await
                .is_ok_and(|found| found.iter().any(|own| !own.nodes.is_empty()));
            Ok::<_, Error>(Plain(if known { "registered" } else { "gone" }.to_owned()))
        }
    });
    let function = tokio::spawn(
        system
            .service("fnc")
            .await
            .endpoint("Fnc.Run", run)
            .run_once(),
    );

    let reply = greet(&system.service("client").await).await.unwrap();

    assert_eq!(reply.0, "gone");
    function.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_second_caller_is_refused_as_never_reached_and_its_request_is_not_decoded() {
    let system = System::default();
    let runs = Arc::new(AtomicU32::new(0));
    let (running, mut begun) = mpsc::channel(1);
    let (release, wait) = oneshot::channel::<()>();
    let wait = Arc::new(tokio::sync::Mutex::new(Some(wait)));
    let counted = Arc::clone(&runs);
    let run = unary(move |_: Context, _: Plain<()>| {
        counted.fetch_add(1, Ordering::Relaxed);
        let (running, wait) = (running.clone(), Arc::clone(&wait));
        async move {
            running.send(()).await.unwrap();
            let wait = wait.lock().await.take().unwrap();
            wait.await.unwrap();
            Ok::<_, Error>(Plain("first".to_owned()))
        }
    });
    let service = system
        .builder("fnc")
        .address("fnc-node")
        .build()
        .await
        .unwrap();
    let function = tokio::spawn(service.endpoint("Fnc.Run", run).run_once());
    let client = system.service("client").await;
    let first = {
        let client = system.service("client").await;
        tokio::spawn(async move { greet(&client).await })
    };
    begun.recv().await.unwrap();

    // Not even JSON of the right type: were it decoded, the answer would be 400.
    let second =
        client
            .client()
            .call::<_, Plain<String>>("fnc", "Fnc.Run", &Plain("nonsense".to_owned()));
    let error = second.address("fnc-node").await.unwrap_err();

    assert!(error.is_never_reached(), "{error}");
    release.send(()).unwrap();
    assert_eq!(first.await.unwrap().unwrap().0, "first");
    function.await.unwrap().unwrap();
    assert_eq!(runs.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_function_whose_handler_failed_fails() {
    let system = System::default();
    let run = unary(async |_: Context, _: Plain<()>| {
        Err::<Plain<String>, _>(Error::conflict("fnc", "no"))
    });
    let function = tokio::spawn(
        system
            .service("fnc")
            .await
            .endpoint("Fnc.Run", run)
            .run_once(),
    );

    let error = greet(&system.service("client").await).await.unwrap_err();

    assert_eq!(error.code(), 409);
    assert!(function.await.unwrap().unwrap_err().detail().contains("no"));
}

#[tokio::test]
async fn a_function_of_an_event_handles_one() {
    let system = System::default();
    let (seen, mut events) = mpsc::channel(8);
    let handle = subscriber(
        "fnc-events",
        Mode::group("fnc"),
        move |_: Context, event: Plain<u32>| {
            let seen = seen.clone();
            async move {
                seen.send(event.0).await.unwrap();
                Ok::<_, Error>(())
            }
        },
    );
    let running = tokio::spawn(system.service("fnc").await.subscriber(handle).run_once());
    let client = system.service("client").await;
    // Published once the function is there, which its registration says.
    let mut watch = system.registry.watch(Some("fnc")).await.unwrap();
    if system.registry.get("fnc").await.is_err() {
        watch.next().await.unwrap().unwrap();
    }
    let publisher = client.publisher::<Plain<u32>>("fnc-events");

    publisher.publish(&Plain(7)).await.unwrap();

    assert_eq!(events.recv().await, Some(7));
    running.await.unwrap().unwrap();
}

/// Runs a function whose handler is `run`, and whose one caller waits 100 ms.
async fn called(system: &System, run: micro::Handler) -> micro::Result<()> {
    let service = system.service("fnc").await.endpoint("Fnc.Run", run);
    let function = tokio::spawn(service.run_once());
    let client = system.service("client").await;
    let call = client
        .client()
        .call::<_, Plain<String>>("fnc", "Fnc.Run", &Plain(()));
    call.timeout(Duration::from_millis(100)).await.unwrap_err();
    let ended = tokio::time::timeout(Duration::from_secs(60), function).await;
    ended.expect("the function goes on").unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_function_whose_handler_panicked_fails() {
    let run = unary(
        async |_: Context, _: Plain<()>| -> micro::Result<Plain<String>> { panic!("broken") },
    );

    let error = called(&System::default(), run).await.unwrap_err();

    assert!(error.detail().contains("panicked"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_function_whose_caller_left_fails() {
    let run =
        unary(|_: Context, _: Plain<()>| std::future::pending::<micro::Result<Plain<String>>>());

    let error = called(&System::default(), run).await.unwrap_err();

    assert!(error.detail().contains("caller left"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_function_whose_time_ran_out_fails() {
    let run =
        unary(|_: Context, _: Plain<()>| std::future::pending::<micro::Result<Plain<String>>>());
    let run = run.timeout(Duration::from_millis(50));

    let error = called(&System::default(), run).await.unwrap_err();

    assert!(error.detail().contains("time ran out"), "{error}");
}
