//! Streams by path, as curl and browsers read them.

use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, StreamExt as _};
use http_body_util::{BodyExt as _, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::{Frame, Incoming};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use micro::message::{Body, ContentType};
use micro::transport::{Accept, Listener};
use micro::{Error, Result};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use crate::handlers::{by, echo, limits, listen, listen_with};
use crate::raw::{Peer, post};

const LINES: &str = "application/x-ndjson";
const EVENTS: &str = "text/event-stream";

/// Answers with these items.
fn items(
    items: impl Fn() -> Vec<Result<&'static str>> + Send + Sync + 'static,
) -> std::sync::Arc<dyn Accept> {
    by(move |_| {
        let items = items().into_iter().map(|item| item.map(Bytes::from));
        let body = Body::Stream(stream::iter(items.collect::<Vec<_>>()).boxed());
        async move { Ok(micro::message::Response::new(ContentType::JSON, body)) }
    })
}

/// Answers with the messages of the call.
fn mirror() -> std::sync::Arc<dyn Accept> {
    by(|request| async move {
        let body = Body::Stream(request.body.into_stream());
        Ok(micro::message::Response::new(ContentType::JSON, body))
    })
}

type Sent = UnsyncBoxBody<Bytes, std::convert::Infallible>;

async fn send(
    node: &dyn Listener,
    content_type: &str,
    accept: &str,
    body: Sent,
) -> Response<Incoming> {
    let stream = TokioIo::new(TcpStream::connect(node.address()).await.unwrap());
    let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    let call = Request::post("/Greeter/Stream")
        .header("host", node.address())
        .header("content-type", content_type)
        .header("accept", accept)
        .body(body)
        .unwrap();
    sender.send_request(call).await.unwrap()
}

async fn call(node: &dyn Listener, accept: &str) -> Response<Incoming> {
    send(
        node,
        "application/json",
        accept,
        Full::from("{}").boxed_unsync(),
    )
    .await
}

async fn text(reply: Response<Incoming>) -> String {
    let whole = reply.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(whole.to_vec()).unwrap()
}

/// The text up to where the reply broke off.
async fn broken(reply: Response<Incoming>) -> String {
    let mut body = reply.into_body();
    let mut text = String::new();
    loop {
        match body.frame().await.expect("no end, but a break") {
            Ok(frame) => text += std::str::from_utf8(frame.data_ref().unwrap()).unwrap(),
            Err(_) => return text,
        }
    }
}

#[tokio::test]
async fn a_stream_comes_as_lines() {
    let node = listen(items(|| vec![Ok("1"), Ok("2")])).await;

    let reply = call(&*node, "*/*").await;

    assert_eq!(reply.headers()["content-type"], LINES);
    assert_eq!(text(reply).await, "1\n2\n");
}

#[tokio::test]
async fn an_item_of_many_lines_is_one_line_and_one_event() {
    let node = listen(items(|| vec![Ok("{\n\"a\":\r\n1}")])).await;

    let lines = text(call(&*node, "*/*").await).await;
    let events = text(call(&*node, EVENTS).await).await;

    assert_eq!(lines, "{ \"a\":  1}\n");
    assert_eq!(events, "data: { \"a\":  1}\n\nevent: end\ndata: {}\n\n");
}

#[tokio::test]
async fn a_stream_that_is_refused_is_told_so_before_its_caller_has_ended() {
    let node = listen(echo()).await;
    let going_on = StreamBody::new(stream::pending()).boxed_unsync();

    let reply = send(&*node, "text/plain", "*/*", going_on).await;

    assert_eq!(reply.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert_eq!(reply.headers()["connection"], "close");
}

#[tokio::test]
async fn a_stream_comes_as_events_to_who_accepts_them() {
    let node = listen(items(|| vec![Ok("1"), Ok("2")])).await;

    let reply = call(&*node, "text/html, text/event-stream;q=0.9").await;

    assert_eq!(reply.headers()["content-type"], EVENTS);
    assert_eq!(
        text(reply).await,
        "data: 1\n\ndata: 2\n\nevent: end\ndata: {}\n\n"
    );
}

#[tokio::test]
async fn an_error_in_the_middle_is_the_last_line_of_a_reply_that_breaks_off() {
    let node = listen(items(|| {
        vec![Ok("1"), Err(Error::conflict("greeter", "taken"))]
    }))
    .await;

    let text = broken(call(&*node, LINES).await).await;

    let line = text.strip_prefix("1\n{\"error\":").unwrap();
    assert!(line.contains(r#""code":409,"detail":"taken""#), "{line}");
}

#[tokio::test]
async fn an_error_in_the_middle_is_an_event() {
    let node = listen(items(|| {
        vec![Ok("1"), Err(Error::conflict("greeter", "taken"))]
    }))
    .await;

    let text = text(call(&*node, EVENTS).await).await;

    let event = text
        .strip_prefix("data: 1\n\nevent: error\ndata: ")
        .unwrap();
    assert!(event.contains(r#""code":409,"detail":"taken""#), "{event}");
}

#[tokio::test]
async fn an_error_before_the_first_item_is_the_status() {
    let node = listen(by(|_| async { Err(Error::conflict("greeter", "taken")) })).await;

    let reply = call(&*node, EVENTS).await;

    assert_eq!(reply.status(), StatusCode::CONFLICT);
}

#[tokio::test]
async fn the_lines_of_a_request_are_the_messages_of_its_stream() {
    let node = listen(mirror()).await;

    let reply = send(
        &*node,
        LINES,
        "*/*",
        Full::from("1\n\n2\r\n3").boxed_unsync(),
    )
    .await;

    assert_eq!(text(reply).await, "1\n2 \n3\n");
}

#[tokio::test]
async fn a_reply_may_come_before_the_request_has_ended() {
    let node = listen(mirror()).await;
    let (lines, sent) = mpsc::unbounded_channel();
    lines.send("1\n").unwrap();

    let mut reply = send(&*node, LINES, "*/*", body(sent)).await.into_body();
    let first = reply.frame().await.unwrap().unwrap();
    lines.send("2\n").unwrap();
    let second = reply.frame().await.unwrap().unwrap();

    assert_eq!(first.data_ref().unwrap(), "1\n");
    assert_eq!(second.data_ref().unwrap(), "2\n");
}

#[tokio::test]
async fn a_line_over_the_limit_is_an_error() {
    let node = listen_with(limits(|limits| limits.message = 10), mirror()).await;

    let reply = send(
        &*node,
        LINES,
        "*/*",
        Full::from("1\n12345678901234\n").boxed_unsync(),
    )
    .await;

    let text = broken(reply).await;
    assert!(text.starts_with("1\n{\"error\":"), "{text}");
    assert!(text.contains("max_message"), "{text}");
}

#[tokio::test]
async fn lines_are_refused_where_one_message_is_taken() {
    let node = listen(echo()).await;

    let call = post(
        "/Greeter/Hello",
        "Content-Type: application/x-ndjson\r\n",
        "1\n2\n",
    );
    let reply = Peer::connect(node.address()).await.exchange(call).await;

    assert_eq!(reply.status(), 415);
}

#[tokio::test]
async fn a_caller_that_leaves_ends_the_stream() {
    let (alive, mut gone) = mpsc::channel::<()>(1);
    let node = listen(by(move |_| {
        let alive = alive.clone();
        let endless = stream::once(async { Ok(Bytes::from("1")) }).chain(stream::pending());
        let guarded = endless.inspect(move |_| {
            let _ = &alive;
        });
        let body = Body::Stream(guarded.boxed());
        async move { Ok(micro::message::Response::new(ContentType::JSON, body)) }
    }))
    .await;
    let mut reply = call(&*node, LINES).await.into_body();
    reply.frame().await.unwrap().unwrap();

    drop(reply);
    drop(node);

    assert_eq!(gone.recv().await, None);
}

#[tokio::test]
async fn a_stream_that_pauses_outlasts_the_idle_time() {
    let short = Duration::from_millis(20);
    let (items, sent) = mpsc::unbounded_channel::<Result<Bytes>>();
    let sent = std::sync::Mutex::new(Some(sent));
    let node = listen_with(
        limits(|limits| limits.idle_timeout = short),
        by(move |_| {
            let mut sent = sent.lock().unwrap().take().unwrap();
            let body = stream::poll_fn(move |cx| sent.poll_recv(cx));
            let body = Body::Stream(body.boxed());
            async move { Ok(micro::message::Response::new(ContentType::JSON, body)) }
        }),
    )
    .await;
    let mut reply = call(&*node, LINES).await.into_body();
    items.send(Ok("1".into())).unwrap();
    reply.frame().await.unwrap().unwrap();

    // The pause that is under test.
    tokio::time::sleep(short * 3).await;
    items.send(Ok("2".into())).unwrap();

    let second = reply.frame().await.unwrap().unwrap();
    assert_eq!(second.data_ref().unwrap(), "2\n");
}

fn body(mut lines: mpsc::UnboundedReceiver<&'static str>) -> Sent {
    let lines = stream::poll_fn(move |cx| lines.poll_recv(cx));
    let frames = lines.map(|line| Ok(Frame::data(Bytes::from(line))));
    StreamBody::new(frames).boxed_unsync()
}
