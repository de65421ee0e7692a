//! How much one side holds for the other, and what a sender may not run into.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::{SinkExt, StreamExt, stream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::super::frame::{self, EMPTY, END, Frame, HEADER, Kind, MORE};
use super::super::limits_preface;
use super::super::preface::LENGTH;
use super::limits::{call, frame, peer};
use super::*;

/// Lets every task that can go on do so.
async fn settle() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

/// A server with these limits, greeted and spoken to in bytes.
async fn greeted(
    accept: Arc<dyn Accept>,
    limits: Limits,
) -> (DuplexStream, JoinHandle<()>, Arc<Site>) {
    let (mut here, there) = duplex(16 << 10);
    let (server, site) = server(there, accept, limits);
    here.write_all(&limits_preface(&Limits::default()).write())
        .await
        .unwrap();
    here.read_exact(&mut [0; LENGTH]).await.unwrap();
    (here, server, site)
}

/// The next frame: its kind and its payload.
async fn next(peer: &mut DuplexStream) -> (Kind, Vec<u8>) {
    let mut bytes = vec![0; HEADER];
    peer.read_exact(&mut bytes).await.unwrap();
    let length = usize::from(u16::from_le_bytes([bytes[0], bytes[1]]));
    bytes.resize(HEADER + length, 0);
    peer.read_exact(&mut bytes[HEADER..]).await.unwrap();
    let (Frame { kind, payload, .. }, _) = frame::take(&bytes).unwrap().unwrap();
    (kind, payload.to_vec())
}

#[tokio::test]
async fn of_a_caller_that_reads_nothing_few_calls_are_begun() {
    let begun = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&begun);
    let handler = accept(move |request: Request| {
        counted.fetch_add(1, Ordering::Relaxed);
        async move {
            let body = Body::Bytes(vec![0; 1 << 20].into());
            Ok(Response::new(request.content_type, body))
        }
    });
    let (mut peer, _server, _site) = greeted(handler, Limits::default()).await;

    for number in 1..=1000 {
        peer.write_all(&call(END, number, b"")).await.unwrap();
        // One by one, so that no call is moved elsewhere before the answer of the last is there.
        settle().await;
    }

    let begun = begun.load(Ordering::Relaxed);
    assert!((1..=10).contains(&begun), "{begun}");
}

#[tokio::test]
async fn calls_that_waited_for_answers_to_be_read_are_begun_when_they_are() {
    let handler = accept(async |request: Request| {
        let body = Body::Bytes(vec![0; 1 << 20].into());
        Ok(Response::new(request.content_type, body))
    });
    let pair = Pair::new(handler).await;

    let calls: stream::FuturesUnordered<_> = (0..100).map(|_| pair.call("")).collect();
    let lengths = calls.map(|reply| reply.unwrap().len());

    assert_eq!(lengths.fold(0, async |sum, one| sum + one).await, 100 << 20);
}

#[tokio::test]
async fn a_call_that_is_cancelled_while_it_waits_is_not_begun() {
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let handler = accept(move |request: Request| {
        let tell = tell.clone();
        async move {
            let body = request.body.into_bytes()?;
            tell.send(body).unwrap();
            let body = Body::Bytes(vec![0; 9 << 20].into());
            Ok(Response::new(request.content_type, body))
        }
    });
    let limits = Limits {
        message: 9 << 20,
        ..Limits::default()
    };
    let pair = Pair::with_limits(handler, limits).await;
    // The client's own task has no turn in between, so that the server gets all of this at once.
    let mut first = Box::pin(pair.call("first"));
    let mut second = Box::pin(pair.call("second"));
    let mut third = Box::pin(pair.call("third"));
    for one in [&mut first, &mut second, &mut third] {
        assert!(futures_util::poll!(one).is_pending());
    }

    drop(second);
    first.await.unwrap();
    third.await.unwrap();

    assert_eq!(told.recv().await.unwrap(), "first");
    assert_eq!(told.recv().await.unwrap(), "third");
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_asks_and_reads_nothing_is_not_listened_to_for_ever() {
    let (mut peer, _server, _site) = greeted(echo(), Limits::default()).await;

    let asked = peer
        .write_all(&frame(Kind::Ping, 0, 0, &[0; 60_000]).repeat(1000))
        .await;

    assert!(asked.is_err());
}

#[tokio::test]
async fn more_long_messages_than_there_is_room_for_end_the_connection() {
    let (mut peer, _server) = peer().await;
    let long = (8_u32 << 20).to_le_bytes();

    peer.write_all(&call(MORE, 1, &long)).await.unwrap();
    peer.write_all(&call(MORE, 2, &long)).await.unwrap();

    let mut answer = Vec::new();
    peer.read_to_end(&mut answer).await.unwrap();
    assert!(String::from_utf8_lossy(&answer).contains("there is no room"));
}

#[tokio::test]
async fn the_count_of_a_go_away_has_the_calls_that_were_refused_before() {
    let limits = Limits {
        calls: 1,
        ..Limits::default()
    };
    let handler = accept(async |_| std::future::pending().await);
    let (mut peer, _server, site) = greeted(handler, limits).await;
    peer.write_all(&[call(END, 1, b""), call(END, 2, b"")].concat())
        .await
        .unwrap();
    assert_eq!(next(&mut peer).await.0, Kind::Fail);

    site.leave();

    let (kind, payload) = next(&mut peer).await;
    assert_eq!(kind, Kind::GoAway);
    assert_eq!(payload[..8], 2_u64.to_le_bytes());
}

/// Streams items of these sizes, all of them ready.
fn items(sizes: Vec<usize>) -> Arc<dyn Accept> {
    accept(move |request: Request| {
        let sizes = sizes.clone();
        async move {
            let items = stream::iter(sizes).map(|size| Ok(Bytes::from(vec![0; size])));
            Ok(Response::new(
                request.content_type,
                Body::Stream(items.boxed()),
            ))
        }
    })
}

/// How many bytes of a stream arrive, if nothing is read before the server has sent what it may.
async fn read_late(sizes: Vec<usize>) -> usize {
    let pair = Pair::new(items(sizes)).await;
    let socket = channel::open(None, Arc::clone(&pair.connection), request())
        .await
        .unwrap();
    let incoming = socket.incoming.await.unwrap().body.into_stream();
    settle().await;

    let lengths = incoming.map(|item| item.unwrap().len());
    lengths.fold(0, async |sum, one| sum + one).await
}

#[tokio::test]
async fn items_that_fill_the_window_with_the_last_of_a_row_are_not_too_many() {
    for size in (900..1300).step_by(4) {
        assert_eq!(read_late(vec![size; 300]).await, 300 * size, "{size}");
    }
}

#[tokio::test]
async fn a_long_item_at_the_end_of_a_row_is_sent_whole_before_the_next() {
    let mut sizes = vec![1; 300];
    sizes[31] = 100_000;

    assert_eq!(read_late(sizes).await, 100_299);
}

#[tokio::test]
async fn a_writer_that_is_dropped_in_the_middle_of_a_message_breaks_nothing() {
    let handler = accept(async |request: Request| {
        let mut items = request.body.into_stream();
        items.next().await;
        let second = match items.next().await {
            Some(Err(error)) => error.detail().to_owned(),
            _ => "a clean end".to_owned(),
        };
        Ok(Response::new(
            request.content_type,
            Body::Bytes(second.into()),
        ))
    });
    let pair = Pair::new(handler).await;

    // Together they take more room than there is, unless it is given back.
    for _ in 0..3 {
        let mut socket = channel::open(None, Arc::clone(&pair.connection), request())
            .await
            .unwrap();
        socket.outgoing.send(Ok("first".into())).await.unwrap();
        let long = Bytes::from(vec![0; 4 << 20]);
        socket.outgoing.send(Ok(long)).await.unwrap();
        tokio::task::yield_now().await;
        drop(socket.outgoing);
        let seen = socket.incoming.await.unwrap().body.into_bytes().unwrap();
        assert_eq!(seen, "the caller left the stream before its end");
    }

    assert_eq!(pair.call(vec![0; 4 << 20]).await.unwrap(), "a clean end");
}

#[tokio::test]
async fn a_call_that_is_cancelled_while_it_waits_gives_back_its_room() {
    let handler = accept(async |request: Request| {
        let body = Body::Bytes(vec![0; 4 << 20].into());
        Ok(Response::new(request.content_type, body))
    });
    let (mut peer, _server, _site) = greeted(handler, Limits::default()).await;
    for number in 1..=4 {
        peer.write_all(&call(END, number, b"")).await.unwrap();
    }
    let length = 20_000_u32.to_le_bytes();
    peer.write_all(&call(MORE, 5, &length)).await.unwrap();
    peer.write_all(&frame(Kind::Data, END, 5, &[0; 20_000]))
        .await
        .unwrap();

    peer.write_all(&frame(Kind::Cancel, END, 5, b""))
        .await
        .unwrap();

    loop {
        let (kind, payload) = next(&mut peer).await;
        assert!(
            kind != Kind::Cancel,
            "the room came with the end at the latest"
        );
        if kind == Kind::Credit {
            assert_eq!(payload, length);
            break;
        }
    }
}

/// How a call ends whose server sends `bytes`.
async fn answered_by(bytes: &[u8]) -> Result<Response> {
    let (here, mut there) = duplex(1 << 20);
    let greeting = async {
        there.read_exact(&mut [0; LENGTH]).await.unwrap();
        let preface = limits_preface(&Limits::default()).write();
        there.write_all(&preface).await.unwrap();
    };
    let limits = Limits::default();
    let (connection, ()) = tokio::join!(Connection::start(here, "there".into(), &limits), greeting);
    let connection = connection.unwrap();
    let call =
        tokio::spawn(async move { channel::call(None, Arc::clone(&connection), request()).await });
    tokio::task::yield_now().await;

    there.write_all(bytes).await.unwrap();

    call.await.unwrap()
}

#[tokio::test]
async fn a_server_that_breaks_the_rules_is_left_and_its_callers_are_told() {
    let long = (1_u32 << 20).to_le_bytes();
    let reply = [&[1, 1][..], &long].concat();
    let cases = [
        (frame(Kind::Data, END | EMPTY, 1, b""), "without an answer"),
        (frame(Kind::Data, 0, 1, b"x"), "before the answer"),
        (
            frame(Kind::Reply, END | MORE, 1, &reply),
            "before it is whole",
        ),
        (frame(Kind::Reply, END, 2, &[1, 1]), "belongs to no call"),
        (frame(Kind::Call, 0, 1, b""), "only a caller sends"),
        (frame(Kind::GoAway, 0, 0, b"1"), "does not count"),
    ];

    for (bytes, reason) in cases {
        let error = answered_by(&bytes).await.unwrap_err();

        assert!(error.detail().contains(reason), "{reason}: {error}");
    }
}

#[tokio::test]
async fn an_answer_that_comes_with_something_wrong_behind_it_arrives() {
    let bytes = [frame(Kind::Reply, END, 1, &[1, 1]), vec![0; 8]].concat();

    let answer = tokio::time::timeout(Duration::from_secs(10), answered_by(&bytes)).await;

    assert!(answer.expect("nobody woke the caller").is_ok());
}

#[tokio::test]
async fn an_error_ends_a_call_whatever_its_flags_say() {
    let (here, mut there) = duplex(1 << 20);
    let limits = Limits {
        calls: 1,
        ..Limits::default()
    };
    there
        .write_all(&limits_preface(&limits).write())
        .await
        .unwrap();
    let connection = Connection::start(here, "there".into(), &limits)
        .await
        .unwrap();
    let mut call = Box::pin(channel::call(None, Arc::clone(&connection), request()));
    assert!(futures_util::poll!(&mut call).is_pending());
    assert!(connection.is_saturated());

    let failure = frame(Kind::Fail, 0, 1, br#"{"code":409}"#);
    there.write_all(&failure).await.unwrap();

    assert_eq!(call.await.unwrap_err().code(), 409);
    assert!(!connection.is_saturated());
}
