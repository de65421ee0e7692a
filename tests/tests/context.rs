//! What the calls of a handler inherit from the call that it serves.

use std::future::IntoFuture;

use micro::prelude::*;
use micro::{Error, Metadata, Running, Service};
use tests::System;

/// `front` calls `back`, which answers with what it was given of one metadata name.
async fn chain(system: &System, detached: bool) -> (Running, Running) {
    let back = unary(async |ctx: Context, name: Plain<String>| {
        let value = ctx.metadata().get(&name.0).unwrap_or("nothing").to_owned();
        let left = ctx.time_left().map(|left| left.as_millis() as u64);
        Ok::<_, Error>(Plain((value, left)))
    });
    let back = system
        .service("back")
        .await
        .endpoint("Back.Seen", back)
        .start()
        .await
        .unwrap();
    let client = system.service("client").await.client().clone();
    let front = unary(move |_: Context, name: Plain<String>| {
        let call = client.call::<_, Plain<(String, Option<u64>)>>("back", "Back.Seen", &name);
        let call = if detached { call.detached() } else { call };
        async move { call.await }
    });
    let front = system
        .service("front")
        .await
        .endpoint("Front.Ask", front)
        .start()
        .await
        .unwrap();
    (back, front)
}

async fn ask(client: &Service, name: &str) -> (String, Option<u64>) {
    let call = client.client().call::<_, Plain<(String, Option<u64>)>>(
        "front",
        "Front.Ask",
        &Plain(name.to_owned()),
    );
    call.metadata(name, "42")
        .timeout(Duration::from_millis(700))
        .await
        .unwrap()
        .0
}

#[tokio::test(start_paused = true)]
async fn metadata_is_handed_on() {
    let system = System::default();
    let _running = chain(&system, false).await;

    assert_eq!(ask(&system.service("client").await, "x-user").await.0, "42");
}

#[tokio::test(start_paused = true)]
async fn credentials_are_not_handed_on() {
    let system = System::default();
    let _running = chain(&system, false).await;

    assert_eq!(
        ask(&system.service("client").await, "Authorization")
            .await
            .0,
        "nothing"
    );
}

#[tokio::test(start_paused = true)]
async fn the_deadline_is_handed_on() {
    let system = System::default();
    let _running = chain(&system, false).await;

    let left = ask(&system.service("client").await, "x-user")
        .await
        .1
        .unwrap();

    assert!(left <= 700, "{left} ms");
}

#[tokio::test(start_paused = true)]
async fn a_detached_call_inherits_nothing() {
    let system = System::default();
    let _running = chain(&system, true).await;

    let (value, left) = ask(&system.service("client").await, "x-user").await;

    assert_eq!(value, "nothing");
    assert!(left.unwrap() > 700);
}

#[tokio::test(start_paused = true)]
async fn an_event_carries_no_deadline_of_the_call_that_published_it() {
    let system = System::default();
    let (tell, mut told) = tokio::sync::mpsc::channel(1);
    let heard = subscriber(
        "topic",
        Mode::Broadcast,
        move |ctx: Context, _: Plain<()>| {
            let tell = tell.clone();
            async move {
                tell.send(ctx.deadline()).await.unwrap();
                Ok::<_, Error>(())
            }
        },
    );
    let client = system.service("client").await.client().clone();
    let publisher = client.publisher::<Plain<()>>("topic");
    let publish = unary(move |ctx: Context, _: Plain<()>| {
        let publisher = publisher.clone();
        async move {
            assert!(ctx.deadline().is_some());
            publisher.publish(&Plain(())).await.map(Plain)
        }
    });
    let service = system.service("service").await.subscriber(heard);
    let service = service.endpoint("Service.Publish", publish);
    let _running = service.start().await.unwrap();

    let call = client.call::<_, Plain<()>>("service", "Service.Publish", &Plain(()));
    call.await.unwrap();

    assert_eq!(told.recv().await, Some(None));
}

#[tokio::test(start_paused = true)]
async fn a_stopping_server_waits_for_tasks_that_a_handler_spawned() {
    let system = System::default();
    let (done, wait) = tokio::sync::oneshot::channel();
    let done = std::sync::Mutex::new(Some(done));
    let spawn = unary(move |ctx: Context, _: Plain<()>| {
        let done = done.lock().unwrap().take();
        let _task = ctx.spawn(async move {
            tokio::time::sleep(Duration::from_secs(5)).await;
            done.unwrap().send(()).unwrap();
        });
        std::future::ready(Ok::<_, Error>(Plain(())))
    });
    let running = system
        .service("work")
        .await
        .endpoint("Work.Spawn", spawn)
        .start()
        .await
        .unwrap();
    let client = system.service("client").await;
    let _reply: Plain<()> = client
        .client()
        .call("work", "Work.Spawn", &Plain(()))
        .await
        .unwrap();

    running.stop().await;

    let mut wait = wait;
    assert_eq!(wait.try_recv(), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn a_dropped_call_cancels_what_its_handler_spawned() {
    let system = System::default();
    let (cancelled, wait) = tokio::sync::oneshot::channel();
    let (begun, begin) = tokio::sync::oneshot::channel();
    let senders = std::sync::Mutex::new(Some((begun, cancelled)));
    let hang = unary(move |ctx: Context, _: Plain<()>| {
        let (begun, cancelled) = senders.lock().unwrap().take().unwrap();
        let inner = ctx.clone();
        let _task = ctx.spawn(async move {
            inner.cancelled().await;
            cancelled.send(()).unwrap();
        });
        begun.send(()).unwrap();
        std::future::pending::<micro::Result<Plain<()>>>()
    });
    let _running = system
        .service("hang")
        .await
        .endpoint("Hang.Up", hang)
        .start()
        .await
        .unwrap();
    let client = system.service("client").await;
    let call = client
        .client()
        .call::<_, Plain<()>>("hang", "Hang.Up", &Plain(()));

    let call = tokio::spawn(call.into_future());
    begin.await.unwrap();
    call.abort();

    assert_eq!(wait.await, Ok(()));
}

#[test]
fn no_context_is_current_outside_a_handler() {
    assert!(Context::current().is_none());
    assert_eq!(*Context::background().metadata(), Metadata::new());
}
