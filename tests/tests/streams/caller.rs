//! A stream from the caller to the handler.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use micro::prelude::*;

use super::{Number, Pair, endless, number, settled};

super::over_every_transport! {
    a_client_stream_ends
    a_client_stream_whose_handler_fails_in_the_middle_is_answered_with_that
    a_client_stream_whose_handler_panics_is_an_error
    a_client_stream_whose_handler_has_enough_is_answered_before_its_end
    a_client_stream_that_the_caller_drops_ends_its_handler
    a_client_stream_whose_node_dies_is_an_error
    a_client_stream_waits_for_a_slow_handler
    a_client_stream_has_a_time_limit
}

async fn a_client_stream_ends(pair: &mut Pair) {
    let numbers = stream::iter((0..500).map(|_| number(2)));

    let sum = pair.client.sum(numbers).await.unwrap();

    assert_eq!(sum.value, 1000);
}

async fn a_client_stream_whose_handler_fails_in_the_middle_is_answered_with_that(pair: &mut Pair) {
    let numbers = stream::iter([number(1), number(9)]).chain(endless());

    let error = pair.client.sum(numbers).await.unwrap_err();

    assert_eq!((error.code(), error.detail()), (409, "no nines"));
}

async fn a_client_stream_whose_handler_panics_is_an_error(pair: &mut Pair) {
    let numbers = stream::iter([number(1), number(7)]).chain(endless());

    let error = pair.client.sum(numbers).await.unwrap_err();

    assert_eq!(error.code(), 500);
}

async fn a_client_stream_whose_handler_has_enough_is_answered_before_its_end(pair: &mut Pair) {
    let numbers = stream::iter([number(2000)]).chain(endless());

    assert_eq!(pair.client.sum(numbers).await.unwrap().value, 2000);
}

async fn a_client_stream_that_the_caller_drops_ends_its_handler(pair: &mut Pair) {
    let sum = pair.client.sum(endless()).into_future();
    tokio::select! {
        _ = sum => unreachable!(),
        () = pair.chat.busy() => {}
    }

    pair.chat.quiet().await;
}

async fn a_client_stream_whose_node_dies_is_an_error(pair: &mut Pair) {
    let mut sum = pair.client.sum(endless()).into_future();
    tokio::select! {
        _ = &mut sum => unreachable!(),
        () = pair.chat.busy() => {}
    }

    drop(pair.running.take());

    assert!(sum.await.is_err());
}

/// An 8, which makes the handler wait, and `rest` ones; counted as they are taken.
fn behind_an_8(rest: usize) -> (Arc<AtomicUsize>, impl Stream<Item = Number> + Send) {
    let taken = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&taken);
    let rest = stream::iter((0..rest).map(|_| number(1)));
    let numbers = stream::iter([number(8)]).chain(rest).inspect(move |_| {
        counted.fetch_add(1, Ordering::Relaxed);
    });
    (taken, numbers)
}

async fn a_client_stream_waits_for_a_slow_handler(pair: &mut Pair) {
    let (taken, numbers) = behind_an_8(50_000);
    let mut sum = pair.client.sum(numbers).into_future();
    let sent = tokio::select! {
        _ = &mut sum => unreachable!(),
        sent = settled(&taken) => sent,
    };

    pair.chat.gate.close();
    let sum = sum.await.unwrap();

    assert!(sent < 50_000, "{sent}");
    assert_eq!(sum.value, 50_008);
}

async fn a_client_stream_has_a_time_limit(pair: &mut Pair) {
    let sum = pair.client.sum(endless());

    let error = sum.timeout(Duration::from_millis(50)).await.unwrap_err();

    assert_eq!(error.code(), 408);
}
