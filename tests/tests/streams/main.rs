//! Every kind of stream, in every way that it can end, over every transport that carries streams. Afterwards nothing is
//! left of it: no task and no handler.

mod chat;

use std::sync::atomic::Ordering;

use micro::prelude::*;
use micro::registry::MemoryRegistry;
use micro::transport::{AutoTransport, FramesTransport, MemoryTransport, Transport};
use micro::{Error, Running, Service};

use chat::{Ask, Chat, ChatClient, How, Number};

/// A node, and a client of it.
struct Pair {
    chat: Chat,
    client: ChatClient,
    running: Option<Running>,
    _caller: Service,
}

impl Pair {
    async fn new<T: Transport + Clone + 'static>(transport: T) -> Self {
        let registry = MemoryRegistry::new();
        let build = async |name: &'static str| {
            let builder = Service::builder(name)
                .registry(registry.clone())
                .transport(transport.clone());
            builder.linger(Duration::ZERO).build().await.unwrap()
        };
        let chat = Chat::default();
        let running = build("chat")
            .await
            .handle(chat.clone())
            .start()
            .await
            .unwrap();
        let caller = build("caller").await;
        Self {
            chat,
            client: ChatClient::new(&caller),
            running: Some(running),
            _caller: caller,
        }
    }
}

fn asked(how: How, count: u32) -> Ask {
    Ask { how, count }
}

fn number(value: u32) -> Number {
    Number { value }
}

/// Numbers without end, slowly enough for others to run.
fn endless() -> impl Stream<Item = Number> + Send {
    stream::unfold((), async |()| {
        tokio::task::yield_now().await;
        Some((number(1), ()))
    })
}

async fn collect(
    mut stream: impl Stream<Item = micro::Result<Number>> + Unpin,
) -> (Vec<u32>, Option<Error>) {
    let mut values = Vec::new();
    while let Some(item) = stream.next().await {
        match item {
            Ok(number) => values.push(number.value),
            Err(error) => return (values, Some(error)),
        }
    }
    (values, None)
}

macro_rules! over_every_transport {
    ($($fact:ident)*) => {
        mod over_memory {
            $(#[tokio::test]
            async fn $fact() {
                super::over(super::MemoryTransport::new(), super::$fact).await;
            })*
        }

        mod over_frames {
            $(#[tokio::test]
            async fn $fact() {
                super::over(super::FramesTransport::default(), super::$fact).await;
            })*
        }

        mod over_the_default {
            $(#[tokio::test]
            async fn $fact() {
                super::over(super::AutoTransport::default(), super::$fact).await;
            })*
        }
    };
}

/// Runs `fact`, and sees that no handler is left, and, once the node and the caller are gone, no task.
async fn over<T, F>(transport: T, fact: F)
where
    T: Transport + Clone + 'static,
    F: AsyncFnOnce(&mut Pair),
{
    let metrics = tokio::runtime::Handle::current().metrics();
    let before = metrics.num_alive_tasks();
    let mut pair = Pair::new(transport).await;

    fact(&mut pair).await;

    let patience = Duration::from_secs(10);
    tokio::time::timeout(patience, pair.chat.quiet())
        .await
        .expect("a handler is left");
    drop(pair);
    let gone = async {
        while metrics.num_alive_tasks() > before {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(patience, gone)
        .await
        .expect("a task is left");
}

over_every_transport! {
    a_server_stream_ends
    a_server_stream_that_fails_in_the_middle_says_so_behind_what_came_before
    a_server_stream_that_panics_is_an_error
    a_server_stream_that_the_caller_drops_ends_its_handler
    a_server_stream_whose_node_dies_is_no_clean_end
    a_server_stream_waits_for_a_slow_reader
    a_client_stream_ends
    a_client_stream_whose_handler_panics_is_an_error
    a_client_stream_whose_handler_has_enough_is_answered_before_its_end
    a_client_stream_that_the_caller_drops_ends_its_handler
    a_client_stream_whose_node_dies_is_an_error
    a_client_stream_has_a_time_limit
    a_bidirectional_stream_ends
    a_bidirectional_stream_that_fails_in_the_middle_says_so_behind_what_came_before
    a_bidirectional_stream_that_panics_is_an_error
    a_bidirectional_stream_that_the_caller_drops_ends_its_handler
    a_bidirectional_stream_whose_node_dies_is_no_clean_end
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
    let mut ticks = pair.client.ticks(asked(How::Count, 200_000)).await.unwrap();
    let mut next = 0;

    // A pause now and then lets the sender run into its window.
    while let Some(tick) = ticks.next().await {
        assert_eq!(tick.unwrap().value, next);
        next += 1;
        if next % 10_000 == 0 {
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
        }
    }

    assert_eq!(next, 200_000);
}

async fn a_client_stream_ends(pair: &mut Pair) {
    let sum = pair
        .client
        .sum(stream::iter((0..500).map(|_| number(2))))
        .await
        .unwrap();

    assert_eq!(sum.value, 1000);
}

async fn a_client_stream_whose_handler_panics_is_an_error(pair: &mut Pair) {
    let error = pair
        .client
        .sum(stream::iter([number(1), number(7)]))
        .await
        .unwrap_err();

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
        () = async { while pair.chat.running.load(Ordering::Acquire) == 0 { tokio::task::yield_now().await } } => {}
    }

    pair.chat.quiet().await;
}

async fn a_client_stream_whose_node_dies_is_an_error(pair: &mut Pair) {
    let mut sum = pair.client.sum(endless()).into_future();
    tokio::select! {
        _ = &mut sum => unreachable!(),
        () = async { while pair.chat.running.load(Ordering::Acquire) == 0 { tokio::task::yield_now().await } } => {}
    }

    drop(pair.running.take());

    assert!(sum.await.is_err());
}

async fn a_client_stream_has_a_time_limit(pair: &mut Pair) {
    let sum = pair
        .client
        .sum(endless())
        .timeout(Duration::from_millis(100));

    assert_eq!(sum.await.unwrap_err().code(), 408);
}

async fn a_bidirectional_stream_ends(pair: &mut Pair) {
    let numbers = stream::iter((0..1000).filter(|value| *value != 7).map(number));

    let (values, error) = collect(pair.client.talk(numbers).await.unwrap()).await;

    assert!(values.len() == 999 && error.is_none(), "{error:?}");
}

async fn a_bidirectional_stream_that_fails_in_the_middle_says_so_behind_what_came_before(
    pair: &mut Pair,
) {
    let numbers = stream::iter([number(1), number(2000)]).chain(endless());

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
