//! The same calls over HTTP/2, which a client speaks that knows that it is served.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::Frame;
use hyper::client::conn::http2::SendRequest;
use hyper::{Request, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio::sync::Barrier;

use crate::handlers::{by, echo, limits, listen, listen_with, pending, reply};
use crate::raw::Peer;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Empty settings.
const SETTINGS: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0];

async fn connect(address: &str) -> SendRequest<Full<Bytes>> {
    let stream = TokioIo::new(TcpStream::connect(address).await.unwrap());
    let (sender, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), stream)
        .await
        .unwrap();
    tokio::spawn(connection);
    sender
}

fn call(address: &str, body: &'static str) -> Request<Full<Bytes>> {
    Request::post(format!("http://{address}/Greeter/Hello"))
        .header("content-type", "application/json")
        .body(Full::from(body))
        .unwrap()
}

#[tokio::test]
async fn a_call_by_path_is_answered() {
    let node = listen(echo()).await;
    let mut client = connect(node.address()).await;

    let reply = client
        .send_request(call(node.address(), r#"{"name":"Ann"}"#))
        .await
        .unwrap();

    assert_eq!(reply.status(), StatusCode::OK);
    let body = reply.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(body, r#"{"name":"Ann"}"#);
}

#[tokio::test]
async fn what_is_refused_is_told_so_before_its_caller_has_ended() {
    let node = listen(echo()).await;
    let stream = TokioIo::new(TcpStream::connect(node.address()).await.unwrap());
    let (mut client, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), stream)
            .await
            .unwrap();
    tokio::spawn(connection);
    let going_on = StreamBody::new(futures_util::stream::pending::<
        Result<Frame<Bytes>, std::convert::Infallible>,
    >());
    let call = Request::post(format!("http://{}/Greeter/Hello", node.address()))
        .header("content-type", "text/plain")
        .body(going_on)
        .unwrap();

    let reply = client.send_request(call).await.unwrap();

    assert_eq!(reply.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
}

#[tokio::test]
async fn calls_on_one_connection_run_at_once() {
    let both = std::sync::Arc::new(Barrier::new(2));
    let node = listen(by(move |request| {
        let both = std::sync::Arc::clone(&both);
        async move {
            both.wait().await;
            Ok(reply(&request, "{}"))
        }
    }))
    .await;
    let mut client = connect(node.address()).await;

    let first = client.send_request(call(node.address(), "{}"));
    let second = client.send_request(call(node.address(), "{}"));
    let (first, second) = tokio::join!(first, second);

    assert_eq!(
        (first.unwrap().status(), second.unwrap().status()),
        (StatusCode::OK, StatusCode::OK)
    );
}

#[tokio::test]
async fn a_call_that_is_dropped_is_cancelled() {
    let (accept, mut words) = pending();
    let node = listen(accept).await;
    let mut client = connect(node.address()).await;
    let call = tokio::spawn(client.send_request(call(node.address(), "{}")));
    assert_eq!(words.recv().await, Some("called"));

    call.abort();

    assert_eq!(words.recv().await, Some("dropped"));
}

#[tokio::test]
async fn a_preface_may_come_byte_by_byte() {
    let node = listen(echo()).await;
    let mut peer = Peer::connect(node.address()).await;

    for byte in PREFACE.iter().chain(SETTINGS) {
        peer.send([*byte]).await;
    }

    assert_eq!(peer.bytes(9).await[3], 4, "settings");
}

#[tokio::test]
async fn half_a_preface_is_cut_off_with_the_time_for_a_head() {
    let short = Duration::from_millis(20);
    let node = listen_with(limits(|limits| limits.head_timeout = short), echo()).await;
    let mut peer = Peer::connect(node.address()).await;

    peer.send(&PREFACE[..10]).await;

    assert_eq!(peer.closed().await, b"");
}

#[tokio::test]
async fn what_begins_like_a_preface_may_be_a_call_of_http_1() {
    let node = listen(echo()).await;
    let mut peer = Peer::connect(node.address()).await;

    peer.send("P").await;
    let reply = peer
        .exchange("OST /Greeter/Hello HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")
        .await;

    assert_eq!((reply.status(), reply.text()), (200, "{}"));
}

#[tokio::test]
async fn a_node_that_drains_answers_what_has_come_and_closes() {
    let (go, gone) = tokio::sync::oneshot::channel::<()>();
    let gone = std::sync::Mutex::new(Some(gone));
    let (called, mut calls) = tokio::sync::mpsc::unbounded_channel();
    let node = listen(by(move |request| {
        let gone = gone.lock().unwrap().take().unwrap();
        called.send(()).unwrap();
        async move {
            gone.await.unwrap();
            Ok(reply(&request, "{}"))
        }
    }))
    .await;
    let mut client = connect(node.address()).await;
    let call = tokio::spawn(client.send_request(call(node.address(), "{}")));
    calls.recv().await.unwrap();

    let drained = async {
        node.drain().await;
    };
    let finish = async {
        go.send(()).unwrap();
        call.await.unwrap().unwrap().status()
    };
    let ((), status) = tokio::join!(drained, finish);

    assert_eq!(status, StatusCode::OK);
}

#[tokio::test]
async fn a_connection_that_idles_is_closed() {
    let short = Duration::from_millis(20);
    let node = listen_with(limits(|limits| limits.idle_timeout = short), echo()).await;
    let stream = TokioIo::new(TcpStream::connect(node.address()).await.unwrap());
    let (_sender, connection) =
        hyper::client::conn::http2::handshake::<_, _, Full<Bytes>>(TokioExecutor::new(), stream)
            .await
            .unwrap();

    connection.await.unwrap();
}

#[tokio::test]
async fn a_body_that_comes_too_slowly_is_answered_408() {
    let short = Duration::from_millis(20);
    let node = listen_with(limits(|limits| limits.head_timeout = short), echo()).await;
    let stream = TokioIo::new(TcpStream::connect(node.address()).await.unwrap());
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), stream)
            .await
            .unwrap();
    tokio::spawn(connection);
    let never = http_body_util::StreamBody::new(futures_util::stream::pending::<
        std::result::Result<hyper::body::Frame<Bytes>, std::convert::Infallible>,
    >());
    let call = Request::post(format!("http://{}/Greeter/Hello", node.address()))
        .header("content-type", "application/json")
        .body(never)
        .unwrap();

    let reply = sender.send_request(call).await.unwrap();

    assert_eq!(reply.status(), StatusCode::REQUEST_TIMEOUT);
}

#[tokio::test]
async fn a_reply_that_is_not_taken_is_given_up_and_leaves_the_connection_to_others() {
    let limits = limits(|limits| {
        limits.head_timeout = Duration::from_millis(200);
        limits.body_rate = usize::MAX;
    });
    let long = by(|request| async move { Ok(reply(&request, vec![b' '; 1 << 20])) });
    let node = listen_with(limits, long).await;
    let stream = TokioIo::new(TcpStream::connect(node.address()).await.unwrap());
    let (mut sender, connection) = hyper::client::conn::http2::Builder::new(TokioExecutor::new())
        .initial_stream_window_size(65_535)
        .handshake(stream)
        .await
        .unwrap();
    tokio::spawn(connection);
    let untaken = sender
        .send_request(call(node.address(), "{}"))
        .await
        .unwrap();
    let other = sender
        .send_request(call(node.address(), "{}"))
        .await
        .unwrap();

    // Drained, it waits for the calls that are under way.
    tokio::join!(node.drain(), async {
        assert_eq!(
            other.into_body().collect().await.unwrap().to_bytes().len(),
            1 << 20
        );
    });

    untaken.into_body().collect().await.unwrap_err();
}

#[tokio::test]
async fn the_end_of_a_last_reply_that_is_not_taken_is_not_waited_for_for_ever() {
    let short = Duration::from_millis(20);
    let long = by(|request| async move { Ok(reply(&request, vec![b' '; 100])) });
    let node = listen_with(limits(|limits| limits.idle_timeout = short), long).await;
    let stream = TokioIo::new(TcpStream::connect(node.address()).await.unwrap());
    let (mut sender, connection) = hyper::client::conn::http2::Builder::new(TokioExecutor::new())
        .initial_stream_window_size(10)
        .handshake(stream)
        .await
        .unwrap();
    tokio::spawn(connection);

    let untaken = sender
        .send_request(call(node.address(), "{}"))
        .await
        .unwrap();
    node.drain().await;

    untaken.into_body().collect().await.unwrap_err();
}
