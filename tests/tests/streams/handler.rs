//! A stream from the handler to the caller.

use micro::prelude::*;

use super::{How, Pair, asked, collect, settled};

super::over_every_transport! {
    a_server_stream_ends
    a_server_stream_that_fails_in_the_middle_says_so_behind_what_came_before
    a_server_stream_that_panics_is_an_error
    a_server_stream_that_the_caller_drops_ends_its_handler
    a_server_stream_whose_node_dies_is_no_clean_end
    a_server_stream_waits_for_a_slow_reader
    a_server_stream_that_is_not_opened_has_a_time_limit
}

async fn a_server_stream_ends(pair: &mut Pair) {
    let ticks = pair.client.ticks(asked(How::Count, 1000)).await.unwrap();

    let (values, error) = collect(ticks).await;

    assert!(values.into_iter().eq(0..1000) && error.is_none());
}

async fn a_server_stream_that_fails_in_the_middle_says_so_behind_what_came_before(pair: &mut Pair) {
    let ticks = pair.client.ticks(asked(How::Fail, 3)).await.unwrap();

    let (values, error) = collect(ticks).await;

    assert_eq!(values, [0, 1, 2]);
    assert_eq!(error.unwrap().code(), 409);
}

async fn a_server_stream_that_panics_is_an_error(pair: &mut Pair) {
    let ticks = pair.client.ticks(asked(How::Panic, 3)).await.unwrap();

    let (values, error) = collect(ticks).await;

    assert_eq!(values, [0, 1, 2]);
    assert_eq!(error.unwrap().code(), 500);
}

async fn a_server_stream_that_the_caller_drops_ends_its_handler(pair: &mut Pair) {
    let mut ticks = pair.client.ticks(asked(How::Run, 0)).await.unwrap();
    ticks.next().await.unwrap().unwrap();

    drop(ticks);

    pair.chat.quiet().await;
}

async fn a_server_stream_whose_node_dies_is_no_clean_end(pair: &mut Pair) {
    let mut ticks = pair.client.ticks(asked(How::Run, 0)).await.unwrap();
    ticks.next().await.unwrap().unwrap();

    drop(pair.running.take());

    assert!(collect(ticks).await.1.is_some());
}

async fn a_server_stream_waits_for_a_slow_reader(pair: &mut Pair) {
    // More than any socket holds.
    let all = 100_000_000;
    let mut ticks = pair.client.ticks(asked(How::Count, all)).await.unwrap();
    ticks.next().await.unwrap().unwrap();

    let made = settled(&pair.chat.made).await;
    let made = u32::try_from(made).unwrap();

    assert!(made < all, "{made}");
    for expected in 1..made + 100 {
        assert_eq!(ticks.next().await.unwrap().unwrap().value, expected);
    }
}

async fn a_server_stream_that_is_not_opened_has_a_time_limit(pair: &mut Pair) {
    let ticks = pair.client.ticks(asked(How::Hang, 0));

    let error = ticks.timeout(Duration::from_millis(50)).await.unwrap_err();

    assert_eq!(error.code(), 408);
}
