//! Calls of one request and one reply.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use futures_util::future::{join_all, poll_fn};
use tokio::sync::{mpsc, oneshot};

use super::*;

#[tokio::test]
async fn a_call_is_answered() {
    let pair = Pair::new(echo()).await;

    assert_eq!(pair.call("hello").await.unwrap(), "hello");
}

#[tokio::test]
async fn the_head_arrives_with_the_call_and_with_the_reply() {
    let handler = accept(async |request: Request| {
        let mut response = Response::new(ContentType::JSON, Body::default());
        let left = request
            .deadline
            .unwrap()
            .saturating_duration_since(Instant::now());
        assert!(left > Duration::from_secs(4), "{left:?}");
        let seen = format!(
            "{} {} {}",
            request.service, request.endpoint, request.content_type
        );
        response.metadata.set("seen", &seen);
        response
            .metadata
            .set("user", request.metadata.get("x-user").unwrap());
        Ok(response)
    });
    let pair = Pair::new(handler).await;

    let mut call = request();
    call.metadata.set("X-User", "42");
    call.deadline = Some(Instant::now() + Duration::from_secs(5));
    let reply = channel::call(None, Arc::clone(&pair.connection), call)
        .await
        .unwrap();

    assert_eq!(reply.content_type, ContentType::JSON);
    assert_eq!(reply.metadata.get("user"), Some("42"));
    assert_eq!(
        reply.metadata.get("seen"),
        Some("greeter Greeter.Hello application/msgpack")
    );
}

#[tokio::test]
async fn many_calls_share_the_connection_and_each_gets_its_own_answer() {
    let pair = Pair::new(echo()).await;

    let calls = (0..1000_u32).map(|number| pair.call(number.to_string()));
    let replies = join_all(calls).await;

    for (number, reply) in replies.into_iter().enumerate() {
        assert_eq!(reply.unwrap(), number.to_string());
    }
}

#[tokio::test]
async fn a_call_that_waits_delays_no_other() {
    let (release, released) = mpsc::channel::<()>(1);
    let released = Arc::new(tokio::sync::Mutex::new(released));
    let handler = accept(move |request: Request| {
        let released = Arc::clone(&released);
        async move {
            let body = request.body.into_bytes()?;
            if body == "slow" {
                released.lock().await.recv().await;
            }
            Ok(Response::new(request.content_type, Body::Bytes(body)))
        }
    });
    let pair = Pair::new(handler).await;
    let mut slow = Box::pin(pair.call("slow"));
    assert!(futures_util::poll!(&mut slow).is_pending());

    assert_eq!(pair.call("fast").await.unwrap(), "fast");

    release.send(()).await.unwrap();
    assert_eq!(slow.await.unwrap(), "slow");
}

#[tokio::test]
async fn an_error_arrives_as_the_far_ends_own() {
    let handler = accept(async |_| Err(Error::conflict("greeter", "taken")));
    let pair = Pair::new(handler).await;

    let error = pair.call("").await.unwrap_err();

    assert_eq!(
        (error.code(), error.id(), error.detail()),
        (409, "greeter", "taken")
    );
    assert!(error.is_downstream() && !error.is_never_reached());
}

#[tokio::test]
async fn what_no_handler_saw_arrives_so_marked() {
    let handler = accept(async |_| Err(Error::unavailable("greeter", "stopping").never_reached()));
    let pair = Pair::new(handler).await;

    assert!(pair.call("").await.unwrap_err().is_never_reached());
}

/// Says when it is dropped.
struct Guard(Option<oneshot::Sender<()>>);

impl Drop for Guard {
    fn drop(&mut self) {
        let _ = self.0.take().unwrap().send(());
    }
}

#[tokio::test]
async fn dropping_a_call_drops_its_handler() {
    let (begun, mut began) = mpsc::channel(1);
    let (dropped, was_dropped) = oneshot::channel();
    let guard = Arc::new(std::sync::Mutex::new(Some(Guard(Some(dropped)))));
    let handler = accept(move |_| {
        let (begun, guard) = (begun.clone(), guard.lock().unwrap().take());
        async move {
            let _guard = guard;
            begun.send(()).await.unwrap();
            std::future::pending().await
        }
    });
    let pair = Pair::new(handler).await;
    let mut call = Box::pin(pair.call(""));
    tokio::select! {
        _ = &mut call => unreachable!(),
        _ = began.recv() => {}
    }

    drop(call);

    was_dropped.await.unwrap();
}

#[tokio::test]
async fn messages_of_many_frames_arrive_whole() {
    let pair = Pair::new(echo()).await;
    let body: Vec<u8> = (0..3_000_000_u32).map(|number| number as u8).collect();

    assert_eq!(pair.call(body.clone()).await.unwrap(), body);
}

#[tokio::test]
async fn full_buffers_on_both_sides_lock_nobody() {
    let pair = Pair::new(echo()).await;
    let body = Bytes::from(vec![7; 1 << 20]);

    let calls = (0..100).map(|_| pair.call(body.clone()));
    let replies = join_all(calls).await;

    assert!(replies.into_iter().all(|reply| reply.unwrap() == body));
}

#[tokio::test]
async fn small_calls_pass_long_ones() {
    let pair = Pair::new(echo()).await;
    let mut long = Box::pin(pair.call(vec![0; 4 << 20]));
    assert!(futures_util::poll!(&mut long).is_pending());

    // The long one needs 256 frames each way; this one is in front of nearly all of them.
    tokio::select! {
        biased;
        _ = &mut long => unreachable!("the long call was first"),
        short = pair.call("short") => assert_eq!(short.unwrap(), "short"),
    }
}

#[tokio::test]
async fn a_cancelled_call_gives_back_the_room_of_its_long_message() {
    let pair = Pair::new(echo()).await;

    // Each would use up half of the room for long messages.
    for _ in 0..20 {
        let mut call = Box::pin(pair.call(vec![0; 4 << 20]));
        for _ in 0..5 {
            assert!(futures_util::poll!(&mut call).is_pending());
            tokio::task::yield_now().await;
        }
        drop(call);
    }

    assert_eq!(pair.call(vec![1; 4 << 20]).await.unwrap().len(), 4 << 20);
}

#[tokio::test]
async fn a_server_that_drains_finishes_what_it_took_and_refuses_the_rest() {
    let (begun, mut began) = mpsc::channel(1);
    let release = Arc::new(tokio::sync::Notify::new());
    let released = Arc::clone(&release);
    let handler = accept(move |request: Request| {
        let (begun, released) = (begun.clone(), Arc::clone(&released));
        async move {
            begun.send(()).await.unwrap();
            released.notified().await;
            Ok(Response::new(request.content_type, request.body))
        }
    });
    let pair = Pair::new(handler).await;
    let mut taken = Box::pin(pair.call("taken"));
    tokio::select! {
        _ = &mut taken => unreachable!(),
        _ = began.recv() => {}
    }

    pair.site.leave();
    // The word is on its way while this call is made: one of both refuses it.
    let late = pair.call("late").await.unwrap_err();
    release.notify_one();

    assert!(late.is_never_reached(), "{late}");
    assert_eq!(taken.await.unwrap(), "taken");
    drop(pair.connection);
    pair.server.await.unwrap();
}

#[tokio::test]
async fn a_connection_that_breaks_leaves_calls_that_may_have_run_unmarked() {
    let (begun, mut began) = mpsc::channel(1);
    let handler = accept(move |_| {
        let begun = begun.clone();
        async move {
            begun.send(()).await.unwrap();
            std::future::pending().await
        }
    });
    let pair = Pair::new(handler).await;
    let mut call = Box::pin(pair.call(""));
    tokio::select! {
        _ = &mut call => unreachable!(),
        _ = began.recv() => {}
    }

    pair.server.abort();

    let error = call.await.unwrap_err();
    assert!(
        !error.is_never_reached() && !error.is_downstream(),
        "{error}"
    );
    assert!(!pair.connection.is_open());
}

#[tokio::test]
async fn a_call_on_a_broken_connection_was_never_reached() {
    let pair = Pair::new(echo()).await;
    pair.server.abort();
    poll_fn(|cx| {
        cx.waker().wake_by_ref();
        if pair.connection.is_open() {
            std::task::Poll::Pending
        } else {
            std::task::Poll::Ready(())
        }
    })
    .await;

    assert!(pair.call("").await.unwrap_err().is_never_reached());
}

#[tokio::test]
async fn the_budget_in_place_moves_handlers_that_compute_elsewhere() {
    let runs = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&runs);
    let handler = accept(move |request: Request| {
        let counted = Arc::clone(&counted);
        async move {
            counted.fetch_add(1, Ordering::Relaxed);
            let until = Instant::now() + Duration::from_micros(200);
            while Instant::now() < until {}
            Ok(Response::new(request.content_type, request.body))
        }
    });
    let pair = Pair::new(handler).await;

    let replies = join_all((0..50).map(|number: u32| pair.call(number.to_string()))).await;

    assert!(replies.into_iter().all(|reply| reply.is_ok()));
    assert_eq!(runs.load(Ordering::Relaxed), 50);
}
