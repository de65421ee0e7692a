//! A call from end to end, on the memory components and without attributes.

use std::future::IntoFuture;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use micro::prelude::*;
use micro::{Error, Handler, Running, Service, wrapper};
use tests::System;

async fn hello(client: &Service) -> micro::Result<Plain<String>> {
    client
        .client()
        .call("greeter", "Greeter.Hello", &Plain("John".to_owned()))
        .await
}

#[tokio::test(start_paused = true)]
async fn a_call_is_answered_by_the_service_of_that_name() {
    let system = System::default();
    let _greeter = system.greeter("a").await;

    let reply = hello(&system.service("client").await).await.unwrap();

    assert_eq!(reply.0, "Hello John from a");
}

#[tokio::test(start_paused = true)]
async fn a_service_that_nobody_announced_is_not_found() {
    let system = System::default();

    let error = hello(&system.service("client").await).await.unwrap_err();

    assert_eq!(error.code(), 404, "{error}");
}

#[tokio::test(start_paused = true)]
async fn an_unknown_endpoint_is_named_with_the_nearest() {
    let system = System::default();
    let _greeter = system.greeter("a").await;
    let client = system.service("client").await;

    let call = client.client().call::<_, Plain<String>>(
        "greeter",
        "Greeter.Helo",
        &Plain("John".to_owned()),
    );
    let error = call.await.unwrap_err();

    assert_eq!(error.code(), 404);
    assert!(
        error.detail().contains("did you mean Greeter.Hello?"),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_call_to_a_dead_node_is_tried_on_the_next_one() {
    let system = System::default();
    let mut dead = Vec::new();
    for node in ["a", "b", "c"] {
        // Dropped without deregistering: still announced, but nothing listens.
        drop(system.greeter(node).await);
        dead.push(node);
    }
    let _alive = system.greeter("d").await;

    let reply = hello(&system.service("client").await).await.unwrap();

    assert_eq!(reply.0, "Hello John from d");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_takes_too_long_says_how_long_it_had() {
    let system = System::default();
    let slow = unary(async |_: Context, _: Plain<()>| {
        std::future::pending::<()>().await;
        Ok::<_, Error>(Plain(()))
    });
    let _server = system
        .service("slow")
        .await
        .endpoint("Slow.Sleep", slow)
        .start()
        .await
        .unwrap();
    let client = system.service("client").await;

    let call = client
        .client()
        .call::<_, Plain<()>>("slow", "Slow.Sleep", &Plain(()));
    let error = call.timeout(Duration::from_millis(50)).await.unwrap_err();

    assert!(matches!(error.code(), 408 | 504), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_a_handler_is_an_error_at_the_caller() {
    let system = System::default();
    let broken =
        unary(async |_: Context, _: Plain<()>| -> micro::Result<Plain<()>> { panic!("secret") });
    let _server = system
        .service("broken")
        .await
        .endpoint("Broken.Call", broken)
        .start()
        .await
        .unwrap();
    let client = system.service("client").await;

    let error = client
        .client()
        .call::<_, Plain<()>>("broken", "Broken.Call", &Plain(()))
        .await
        .unwrap_err();

    assert_eq!((error.code(), error.id()), (500, "broken"));
    assert!(!error.to_string().contains("secret"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_bidirectional_stream_passes_a_wrapper_at_each_end() {
    let system = System::default();
    let seen = Arc::new(AtomicU32::new(0));
    let count = |seen: &Arc<AtomicU32>| {
        let seen = Arc::clone(seen);
        wrapper::from_fn(move |_: Context, request: Request, next: Next| {
            seen.fetch_add(1, Ordering::Relaxed);
            next.run(request)
        })
    };
    let echo = bidirectional(async |_: Context, lines: Streaming<Plain<String>>| {
        Ok::<_, Error>(lines.map(|line| line.map(|line| Plain(line.0.to_uppercase()))))
    });
    let service = system.service("echo").await.wrap_handler(count(&seen));
    let _server = service.endpoint("Echo.Talk", echo).start().await.unwrap();
    let client = system.service("client").await.wrap_client(count(&seen));
    let typed = micro::ServiceClient::named("echo", &client);

    let lines = stream::iter(["a", "b"].map(|line| Plain(line.to_owned())));
    let method = micro::__private::Method::new("Echo.Talk");
    let format = <Plain<String> as micro::Message>::format();
    let replies = typed
        .bidirectional(&method, format, format, lines)
        .await
        .unwrap();
    let replies: Vec<_> = replies.map(|line| line.unwrap().0).collect().await;

    assert_eq!(replies, ["A", "B"]);
    assert_eq!(seen.load(Ordering::Relaxed), 2);
}

#[tokio::test(start_paused = true)]
async fn a_call_may_wait_for_ever() {
    let system = System::default();
    let patient = unary(async |_: Context, _: Plain<()>| Ok::<_, Error>(Plain(())));
    let _server = system
        .service("patient")
        .await
        .endpoint("Patient.Wait", patient.timeout(Duration::MAX))
        .start()
        .await
        .unwrap();
    let client = system.service("client").await;

    let call = client
        .client()
        .call::<_, Plain<()>>("patient", "Patient.Wait", &Plain(()));

    call.timeout(Duration::MAX).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_wrapper_that_never_lets_a_call_through_does_not_outlast_its_time() {
    let system = System::default();
    let _greeter = system.greeter("a").await;
    let stuck = wrapper::from_fn(|_: Context, _: Request, _: Next| std::future::pending());
    let client = system.service("client").await.wrap_client(stuck);

    let call = client.client().call::<_, Plain<String>>(
        "greeter",
        "Greeter.Hello",
        &Plain("John".to_owned()),
    );
    let call = call.timeout(Duration::from_millis(50)).into_future();
    let ended = tokio::time::timeout(Duration::from_secs(60), call).await;

    let error = ended.expect("the call goes on").unwrap_err();
    assert_eq!(error.code(), 408);
    assert!(error.detail().contains("50ms"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_call_whose_time_is_over_runs_no_handler() {
    let system = System::default();
    let runs = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&runs);
    let count = unary(move |_: Context, _: Plain<()>| {
        counted.fetch_add(1, Ordering::Relaxed);
        std::future::ready(Ok::<_, Error>(Plain(())))
    });
    let server = system
        .builder("late")
        .address("late")
        .build()
        .await
        .unwrap();
    let _server = server.endpoint("Late.Call", count).start().await.unwrap();
    let client = system.service("client").await;

    let call = client
        .client()
        .call::<_, Plain<()>>("late", "Late.Call", &Plain(()));
    let error = call
        .address("late")
        .timeout(Duration::ZERO)
        .await
        .unwrap_err();

    assert_eq!(error.code(), 408);
    assert_eq!(runs.load(Ordering::Relaxed), 0);
}

/// A running `clock`, and the ticks that a caller of it gets.
async fn ticks(system: &System, handler: Handler) -> (Running, Streaming<Plain<u32>>) {
    let clock = system
        .service("clock")
        .await
        .endpoint("Clock.Ticks", handler);
    let clock = clock.start().await.unwrap();
    let typed = micro::ServiceClient::named("clock", &system.service("client").await);
    let method = micro::client::Method::new("Clock.Ticks");
    let requests = <Plain<()> as micro::Message>::format();
    let replies = <Plain<u32> as micro::Message>::format();
    let call = typed.server_streaming(&method, requests, replies, Plain(()));
    (clock, call.await.unwrap())
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_outlasts_the_drain_of_its_server_ends_with_an_error() {
    let system = System::default();
    let pending = server_streaming(async |_: Context, _: Plain<()>| {
        Ok::<_, Error>(stream::pending::<micro::Result<Plain<u32>>>())
    });
    let (clock, mut ticks) = ticks(&system, pending).await;

    clock.stop().await;
    let next = tokio::time::timeout(Duration::from_secs(60), ticks.next()).await;

    let error = next.expect("the stream goes on").unwrap().unwrap_err();
    assert_eq!(error.code(), 503, "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_a_stream_is_its_last_item_and_an_error() {
    let system = System::default();
    let broken = server_streaming(async |_: Context, _: Plain<()>| {
        let ticks = stream::iter(0..9).map(|tick| match tick {
            0 => Ok(Plain(tick)),
            _ => panic!("secret"),
        });
        Ok::<_, Error>(ticks)
    });
    let (_clock, ticks) = ticks(&system, broken).await;

    let ticks: Vec<_> = ticks.collect().await;

    let [Ok(Plain(0)), Err(error)] = ticks.as_slice() else {
        panic!("{ticks:?}");
    };
    assert_eq!((error.code(), error.id()), (500, "clock"));
    assert!(!error.to_string().contains("secret"), "{error}");
}
