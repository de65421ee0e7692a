//! Streams of every kind.

use futures_util::{SinkExt, StreamExt, stream};
use tokio::sync::oneshot;

use super::*;
use crate::transport::Socket;

async fn open(pair: &Pair) -> Socket {
    channel::open(None, Arc::clone(&pair.connection), request())
        .await
        .unwrap()
}

/// The messages of an answer.
async fn collect(response: Response) -> Result<Vec<Bytes>> {
    let messages: Vec<_> = response.body.into_stream().collect().await;
    messages.into_iter().collect()
}

/// Streams as many numbers as it is asked for.
fn counter() -> Arc<dyn Accept> {
    accept(async |request: Request| {
        let wanted = request.body.into_first().await?;
        let count: u32 = str::from_utf8(&wanted).unwrap().parse().unwrap();
        let numbers = stream::iter((0..count).map(|number| Ok(Bytes::from(number.to_string()))));
        Ok(Response::new(
            request.content_type,
            Body::Stream(numbers.boxed()),
        ))
    })
}

async fn count(pair: &Pair, count: u32) -> Response {
    let mut socket = open(pair).await;
    socket
        .outgoing
        .send(Ok(Bytes::from(count.to_string())))
        .await
        .unwrap();
    socket.outgoing.close().await.unwrap();
    socket.incoming.await.unwrap()
}

#[tokio::test]
async fn a_server_stream_arrives_in_order_and_ends() {
    let pair = Pair::new(counter()).await;

    // Several windows full; a word of room that is not acted upon at once would cost seconds.
    let numbers = collect(count(&pair, 100_000).await);
    let numbers = tokio::time::timeout(Duration::from_secs(10), numbers).await;
    let numbers = numbers.expect("the stream stands still").unwrap();

    let expected = (0..100_000).map(|number: u32| number.to_string());
    assert!(
        numbers
            .iter()
            .map(|bytes| &bytes[..])
            .eq(expected.map(String::into_bytes))
    );
}

#[tokio::test]
async fn an_empty_stream_ends() {
    let pair = Pair::new(counter()).await;

    assert!(collect(count(&pair, 0).await).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_client_stream_arrives_whole_and_its_answer_is_one_message() {
    let handler = accept(async |request: Request| {
        let lengths = request.body.into_stream().map(|item| item.unwrap().len());
        let total: usize = lengths.fold(0, async |sum, length| sum + length).await;
        let body = Body::Bytes(total.to_string().into());
        Ok(Response::new(request.content_type, body))
    });
    let pair = Pair::new(handler).await;
    let mut socket = open(&pair).await;

    for length in [0, 1, 1000, 16 << 10, (16 << 10) + 1, 3 << 20] {
        socket
            .outgoing
            .send(Ok(vec![0; length].into()))
            .await
            .unwrap();
    }
    socket.outgoing.close().await.unwrap();
    let answer = socket.incoming.await.unwrap().body.into_bytes().unwrap();

    let expected = 1 + 1000 + (16 << 10) + (16 << 10) + 1 + (3 << 20);
    assert_eq!(answer, expected.to_string());
}

#[tokio::test]
async fn both_directions_run_at_once() {
    let pair = Pair::new(echo()).await;
    let mut socket = open(&pair).await;
    let mut echoes = socket.incoming.await.unwrap().body.into_stream();

    for number in 0..100_u32 {
        socket
            .outgoing
            .send(Ok(number.to_string().into()))
            .await
            .unwrap();
        assert_eq!(echoes.next().await.unwrap().unwrap(), number.to_string());
    }
    socket.outgoing.close().await.unwrap();

    assert!(echoes.next().await.is_none());
}

#[tokio::test]
async fn the_answer_may_come_before_the_callers_stream_ends() {
    let handler = accept(async |request: Request| {
        let first = request.body.into_first().await?;
        Ok(Response::new(request.content_type, Body::Bytes(first)))
    });
    let pair = Pair::new(handler).await;
    let mut socket = open(&pair).await;
    socket.outgoing.send(Ok("first".into())).await.unwrap();

    let answer = socket.incoming.await.unwrap();

    assert_eq!(answer.body.into_bytes().unwrap(), "first");
    assert!(socket.outgoing.send(Ok("second".into())).await.is_err());
    assert_eq!(pair.call("next").await.unwrap(), "next");
}

#[tokio::test]
async fn a_reader_that_does_not_read_holds_its_writer_up_and_nobody_else() {
    let pair = Pair::new(echo()).await;
    let mut socket = open(&pair).await;
    let mut sent = 0;
    let message = Bytes::from(vec![0; 8 << 10]);
    // Until the windows of both directions are full.
    loop {
        let send = socket.outgoing.send(Ok(message.clone()));
        match tokio::time::timeout(Duration::from_millis(200), send).await {
            Ok(sent_one) => sent_one.unwrap(),
            Err(_) => break,
        }
        sent += 1;
        assert!(sent < 1000, "nothing holds the writer up");
    }

    assert_eq!(pair.call("other").await.unwrap(), "other");
    let mut echoes = socket.incoming.await.unwrap().body.into_stream();
    for _ in 0..sent {
        assert_eq!(echoes.next().await.unwrap().unwrap().len(), message.len());
    }
}

#[tokio::test]
async fn an_error_in_the_middle_of_a_stream_ends_it_behind_what_came_before() {
    let handler = accept(async |request: Request| {
        let items = [
            Ok(Bytes::from("one")),
            Err(Error::conflict("greeter", "taken")),
            Ok("never".into()),
        ];
        Ok(Response::new(
            request.content_type,
            Body::Stream(stream::iter(items).boxed()),
        ))
    });
    let pair = Pair::new(handler).await;
    let socket = open(&pair).await;

    let mut messages = socket.incoming.await.unwrap().body.into_stream();

    assert_eq!(messages.next().await.unwrap().unwrap(), "one");
    assert_eq!(
        messages.next().await.unwrap().unwrap_err().detail(),
        "taken"
    );
    assert!(messages.next().await.is_none());
}

#[tokio::test]
async fn an_error_of_the_callers_stream_is_seen_by_the_handler() {
    let handler = accept(async |request: Request| {
        let mut messages = request.body.into_stream();
        let error = loop {
            match messages.next().await {
                Some(Ok(_)) => {}
                Some(Err(error)) => break error,
                None => unreachable!("it ended cleanly"),
            }
        };
        let body = Body::Bytes(error.detail().to_owned().into());
        Ok(Response::new(request.content_type, body))
    });
    let pair = Pair::new(handler).await;
    let mut socket = open(&pair).await;

    socket.outgoing.send(Ok("one".into())).await.unwrap();
    socket
        .outgoing
        .send(Err(Error::conflict("caller", "lost the file")))
        .await
        .unwrap();

    let answer = socket.incoming.await.unwrap().body.into_bytes().unwrap();
    assert_eq!(answer, "lost the file");
}

#[tokio::test]
async fn a_caller_that_drops_its_writer_is_no_clean_end() {
    let handler = accept(async |request: Request| {
        let last = request
            .body
            .into_stream()
            .map(|item| item.is_err())
            .collect::<Vec<_>>()
            .await;
        let body = Body::Bytes(format!("{last:?}").into());
        Ok(Response::new(request.content_type, body))
    });
    let pair = Pair::new(handler).await;
    let mut socket = open(&pair).await;
    socket.outgoing.send(Ok("one".into())).await.unwrap();

    drop(socket.outgoing);

    let answer = socket.incoming.await.unwrap().body.into_bytes().unwrap();
    assert_eq!(answer, "[false, true]");
}

#[tokio::test]
async fn dropping_the_answers_stream_drops_the_handlers() {
    let (dropped, was_dropped) = oneshot::channel::<()>();
    let kept = Arc::new(std::sync::Mutex::new(Some(dropped)));
    let handler = accept(move |request: Request| {
        let kept = kept.lock().unwrap().take();
        async move {
            let numbers = stream::unfold(kept, async |kept| {
                tokio::task::yield_now().await;
                Some((Ok(Bytes::from("tick")), kept))
            });
            Ok(Response::new(
                request.content_type,
                Body::Stream(numbers.boxed()),
            ))
        }
    });
    let pair = Pair::new(handler).await;
    let socket = open(&pair).await;
    let mut ticks = socket.incoming.await.unwrap().body.into_stream();
    ticks.next().await.unwrap().unwrap();

    drop(ticks);

    // The sender goes with the stream.
    assert!(was_dropped.await.is_err());
}

#[tokio::test]
async fn a_connection_that_breaks_is_no_clean_end_of_a_stream() {
    let handler = accept(async |request: Request| {
        let one = stream::iter([Ok(Bytes::from("one"))]);
        let body = one.chain(stream::pending()).boxed();
        Ok(Response::new(request.content_type, Body::Stream(body)))
    });
    let pair = Pair::new(handler).await;
    let socket = open(&pair).await;
    let mut messages = socket.incoming.await.unwrap().body.into_stream();
    assert_eq!(messages.next().await.unwrap().unwrap(), "one");

    pair.server.abort();

    assert_eq!(messages.next().await.unwrap().unwrap_err().code(), 503);
}
