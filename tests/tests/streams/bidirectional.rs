//! Streams both ways.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use micro::prelude::*;

use super::{Pair, collect, endless, number, settled};

super::over_every_transport! {
    a_bidirectional_stream_ends
    a_bidirectional_stream_that_fails_in_the_middle_says_so_behind_what_came_before
    a_bidirectional_stream_that_panics_is_an_error
    a_bidirectional_stream_whose_handler_has_enough_ends_before_the_callers_does
    a_bidirectional_stream_that_the_caller_drops_ends_its_handler
    a_bidirectional_stream_whose_node_dies_is_no_clean_end
    a_bidirectional_stream_waits_for_a_slow_handler
    a_bidirectional_stream_waits_for_a_slow_reader
    a_bidirectional_stream_that_is_not_opened_has_a_time_limit
}

async fn a_bidirectional_stream_ends(pair: &mut Pair) {
    let numbers = stream::iter((10..1000).map(number));

    let (values, error) = collect(pair.client.talk(numbers).await.unwrap()).await;

    assert!(values.into_iter().eq(10..1000) && error.is_none());
}

async fn a_bidirectional_stream_that_fails_in_the_middle_says_so_behind_what_came_before(
    pair: &mut Pair,
) {
    let numbers = stream::iter([number(1), number(9)]).chain(endless());

    let (values, error) = collect(pair.client.talk(numbers).await.unwrap()).await;

    assert_eq!(values, [1]);
    assert_eq!(error.unwrap().code(), 409);
}

async fn a_bidirectional_stream_that_panics_is_an_error(pair: &mut Pair) {
    let numbers = stream::iter([number(1), number(7)]).chain(endless());

    let (values, error) = collect(pair.client.talk(numbers).await.unwrap()).await;

    assert_eq!(values, [1]);
    assert_eq!(error.unwrap().code(), 500);
}

async fn a_bidirectional_stream_whose_handler_has_enough_ends_before_the_callers_does(
    pair: &mut Pair,
) {
    let numbers = stream::iter([number(1), number(2000)]).chain(endless());

    let (values, error) = collect(pair.client.talk(numbers).await.unwrap()).await;

    assert!(values == [1] && error.is_none(), "{error:?}");
}

async fn a_bidirectional_stream_that_the_caller_drops_ends_its_handler(pair: &mut Pair) {
    let mut echoes = pair.client.talk(endless()).await.unwrap();
    echoes.next().await.unwrap().unwrap();

    drop(echoes);

    pair.chat.quiet().await;
}

async fn a_bidirectional_stream_whose_node_dies_is_no_clean_end(pair: &mut Pair) {
    let mut echoes = pair.client.talk(endless()).await.unwrap();
    echoes.next().await.unwrap().unwrap();

    drop(pair.running.take());

    assert!(collect(echoes).await.1.is_some());
}

/// Has `first` and then ones to say, 50,000 in all, and hears of the first so many before it pauses.
async fn paused(pair: &mut Pair, first: u32, heard: usize) {
    let taken = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&taken);
    let ones = stream::iter((1..50_000).map(|_| number(1)));
    let numbers = stream::iter([number(first)]).chain(ones).inspect(move |_| {
        counted.fetch_add(1, Ordering::Relaxed);
    });
    let mut echoes = pair.client.talk(numbers).await.unwrap();
    for _ in 0..heard {
        echoes.next().await.unwrap().unwrap();
    }

    let sent = tokio::select! {
        _ = echoes.next(), if heard == 0 => unreachable!(),
        sent = settled(&taken) => sent,
    };
    pair.chat.gate.close();
    let (values, error) = collect(echoes).await;

    assert!(sent < 50_000, "{sent}");
    assert!(
        values.len() == 50_000 - heard && error.is_none(),
        "{error:?}"
    );
}

async fn a_bidirectional_stream_waits_for_a_slow_handler(pair: &mut Pair) {
    paused(pair, 8, 0).await;
}

async fn a_bidirectional_stream_waits_for_a_slow_reader(pair: &mut Pair) {
    paused(pair, 1, 10).await;
}

async fn a_bidirectional_stream_that_is_not_opened_has_a_time_limit(pair: &mut Pair) {
    let echoes = pair.client.mute(endless());

    let error = echoes.timeout(Duration::from_millis(50)).await.unwrap_err();

    assert_eq!(error.code(), 408);
}
