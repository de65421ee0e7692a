//! What a peer may not do, and what happens then.

use futures_util::future::join_all;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::super::frame::{self, END, Kind, MORE};
use super::super::head::{write_call, write_names};
use super::super::limits_preface;
use super::super::preface::LENGTH;
use super::*;

fn small() -> Limits {
    Limits {
        message: 1000,
        ..Limits::default()
    }
}

#[tokio::test]
async fn a_request_over_the_limit_is_refused_with_the_setting_before_it_is_sent() {
    let pair = Pair::with_limits(echo(), small()).await;

    let error = pair.call(vec![0; 1001]).await.unwrap_err();

    assert_eq!(error.code(), 413);
    assert!(
        error.is_never_reached() && error.detail().contains("--max_message"),
        "{error}"
    );
}

#[tokio::test]
async fn a_reply_over_the_callers_limit_is_an_error_of_its_own() {
    let handler = accept(async |request: Request| {
        Ok(Response::new(
            request.content_type,
            Body::Bytes(vec![0; 1001].into()),
        ))
    });
    let pair = Pair::with_limits(handler, small()).await;

    let error = pair.call("").await.unwrap_err();

    assert_eq!(error.code(), 413);
    assert!(!error.is_never_reached(), "{error}");
}

#[tokio::test]
async fn metadata_that_does_not_fit_is_refused() {
    let pair = Pair::new(echo()).await;
    let mut call = request();
    call.metadata.set("x", &"y".repeat(60_000));

    let error = channel::call(None, Arc::clone(&pair.connection), call)
        .await
        .unwrap_err();

    assert_eq!(error.code(), 413);
}

/// A server, spoken to in bytes.
pub(super) async fn peer() -> (DuplexStream, JoinHandle<()>) {
    let (mut here, there) = duplex(1 << 20);
    let (server, _site) = server(there, echo(), small());
    here.write_all(&limits_preface(&Limits::default()).write())
        .await
        .unwrap();
    here.read_exact(&mut [0; LENGTH]).await.unwrap();
    (here, server)
}

/// What the server says last, if a peer sends `bytes`.
async fn ended_by(bytes: &[u8]) -> String {
    let (mut peer, server) = peer().await;
    peer.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    peer.read_to_end(&mut answer).await.unwrap();
    server.await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

pub(super) fn frame(kind: Kind, flags: u8, call: u32, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    frame::put(&mut out, kind, flags, call, payload);
    out
}

pub(super) fn call(flags: u8, call: u32, body: &[u8]) -> Vec<u8> {
    let mut payload = Vec::new();
    write_call(&mut payload, &request(), None);
    payload.extend_from_slice(body);
    frame(Kind::Call, flags, call, &payload)
}

/// A head with so many pairs of metadata.
fn crowded(pairs: usize) -> Vec<u8> {
    let mut request = request();
    for number in 0..pairs {
        request.metadata.set(&format!("x-{number}"), "1");
    }
    let mut payload = Vec::new();
    write_call(&mut payload, &request, None);
    payload
}

#[tokio::test]
async fn what_no_caller_may_send_ends_the_connection_with_the_reason() {
    let long = 500_u32.to_le_bytes();
    let cases = [
        (vec![0; 8], "unknown kind"),
        (frame(Kind::Reply, END, 1, b""), "only a server sends"),
        (frame(Kind::Data, 0, 7, b"x"), "belongs to no call"),
        (frame(Kind::Credit, 0, 0, b"x"), "not of 4 bytes"),
        (frame(Kind::Call, END, 1, b""), "cut short"),
        (call(END, 0, b""), "the number of another"),
        (frame(Kind::Call, END, 1, &[0xff; 11]), "has no end"),
        // A head, or a name in it, that says that it is longer than all there is.
        (
            frame(Kind::Call, END, 1, &[&[0xff; 9][..], &[1]].concat()),
            "cut short",
        ),
        (
            frame(Kind::Call, END, 1, &[4, 0, 0xff, 0xff, 3]),
            "cut short",
        ),
        (
            frame(Kind::Call, END, 1, &crowded(257)),
            "too many pairs of metadata",
        ),
        (
            [call(0, 1, b""), call(0, 1, b"")].concat(),
            "the number of another",
        ),
        (
            [call(MORE, 1, &long), frame(Kind::Data, END, 1, &[0; 501])].concat(),
            "not as long as it said",
        ),
        (
            [call(MORE, 1, &long), frame(Kind::Data, END, 1, &[0; 499])].concat(),
            "not as long as it said",
        ),
        (call(MORE, 1, b""), "does not say how long"),
    ];

    for (bytes, reason) in cases {
        let said = ended_by(&bytes).await;

        assert!(said.contains(reason), "{reason}: {said:?}");
    }
}

#[tokio::test]
async fn a_message_that_says_that_it_is_too_long_is_refused_and_read_past() {
    let (mut peer, _server) = peer().await;
    let long = 5000_u32.to_le_bytes();
    let mut bytes = [call(MORE, 1, &long), frame(Kind::Data, END, 1, &[0; 5000])].concat();
    bytes.extend(call(END, 2, b"short"));

    peer.write_all(&bytes).await.unwrap();

    let mut answer = vec![0; 4096];
    let mut length = 0;
    while !answer[..length].ends_with(b"short") {
        length += peer.read(&mut answer[length..]).await.unwrap();
    }
    assert!(String::from_utf8_lossy(&answer[..length]).contains("--max_message"));
}

#[tokio::test]
async fn more_endpoints_than_have_numbers_end_the_connection() {
    let mut names = Vec::new();
    write_names(&mut names, "a", "B.C");
    let define = frame(Kind::Define, 0, 0, &names);

    assert!(
        ended_by(&define.repeat(4097))
            .await
            .contains("may not have a number")
    );
}

#[tokio::test]
async fn more_messages_than_there_is_room_for_end_the_connection() {
    let bytes = [
        call(0, 1, b""),
        frame(Kind::Data, 0, 1, &[0; 900]).repeat(400),
    ]
    .concat();
    let handler = accept(async |_| std::future::pending().await);
    let (mut here, there) = duplex(1 << 20);
    let (server, _site) = server(there, handler, small());
    here.write_all(&limits_preface(&Limits::default()).write())
        .await
        .unwrap();

    let _ = here.write_all(&bytes).await;

    let mut answer = Vec::new();
    here.read_to_end(&mut answer).await.unwrap();
    server.await.unwrap();
    assert!(String::from_utf8_lossy(&answer).contains("no room"));
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_says_nothing_is_left() {
    let (_here, there) = duplex(1 << 10);
    let (server, _site) = server(there, echo(), Limits::default());

    server.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_idles_is_closed_by_the_caller() {
    let pair = Pair::new(echo()).await;
    pair.call("").await.unwrap();

    pair.server.await.unwrap();

    assert!(!pair.connection.is_open());
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_silent_during_a_call_is_given_up() {
    let (here, mut there) = duplex(1 << 20);
    let greeting = async {
        there.read_exact(&mut [0; LENGTH]).await.unwrap();
        there
            .write_all(&limits_preface(&Limits::default()).write())
            .await
            .unwrap();
    };
    let limits = Limits::default();
    let (connection, ()) = tokio::join!(Connection::start(here, "there".into(), &limits), greeting);

    let error = channel::call(None, Arc::clone(&connection.unwrap()), request())
        .await
        .unwrap_err();

    assert!(error.detail().contains("silent"), "{error}");
    drop(there);
}

#[tokio::test(start_paused = true)]
async fn a_long_handler_keeps_its_connection() {
    let handler = accept(async |request: Request| {
        tokio::time::sleep(Duration::from_secs(600)).await;
        Ok(Response::new(request.content_type, request.body))
    });
    let pair = Pair::new(handler).await;

    assert_eq!(pair.call("slow").await.unwrap(), "slow");
}

#[tokio::test]
async fn no_more_calls_begin_than_the_server_takes() {
    let limits = Limits {
        calls: 10,
        ..Limits::default()
    };
    let handler = accept(async |_| std::future::pending().await);
    let pair = Pair::with_limits(handler, limits).await;
    let mut calls: Vec<_> = (0..10).map(|_| Box::pin(pair.call(""))).collect();
    for call in &mut calls {
        assert!(futures_util::poll!(call).is_pending());
    }

    assert!(pair.connection.is_saturated());
    let refused = pair.call("").await.unwrap_err();

    assert_eq!(refused.code(), 429);
    assert!(refused.is_never_reached());
    drop(join_all(calls));
}

#[tokio::test]
async fn no_more_streams_are_open_than_the_server_takes() {
    let limits = Limits {
        streams: 1,
        ..Limits::default()
    };
    let pair = Pair::with_limits(echo(), limits).await;
    let first = channel::open(None, Arc::clone(&pair.connection), request())
        .await
        .unwrap();

    let second = channel::open(None, Arc::clone(&pair.connection), request())
        .await
        .unwrap();
    let refused = second.incoming.await.unwrap_err();

    assert_eq!(refused.code(), 429);
    assert!(
        refused.is_never_reached() && refused.detail().contains("--max_streams"),
        "{refused}"
    );
    drop(first);
    assert_eq!(pair.call("other").await.unwrap(), "other");
    let third = channel::open(None, Arc::clone(&pair.connection), request())
        .await
        .unwrap();
    assert!(third.incoming.await.is_ok());
}

#[tokio::test]
async fn a_caller_that_floods_is_cut_off() {
    let bytes: Vec<u8> = (1..10_000)
        .flat_map(|number| call(0, number, b""))
        .collect();

    assert!(ended_by(&bytes).await.contains("far more calls"));
}
