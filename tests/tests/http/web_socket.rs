//! Streams over WebSocket, as pages in browsers open them.

use std::time::Duration;

use futures_util::SinkExt as _;
use futures_util::stream::{self, StreamExt as _};
use micro::Error;
use micro::message::{Body, ContentType};
use micro::transport::{Accept, Limits, Listener};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Error as Fault, Message};

use crate::handlers::{by, echo, listen, listen_with};

type Socket = WebSocketStream<TcpStream>;

/// Answers with the messages of the call; `stop` fails.
fn mirror() -> std::sync::Arc<dyn Accept> {
    by(|request| async move {
        let items = request.body.into_stream().map(|item| match item {
            Ok(item) if item == "stop" => Err(Error::conflict("greeter", "told to stop")),
            item => item,
        });
        Ok(micro::message::Response::new(
            ContentType::JSON,
            Body::Stream(items.boxed()),
        ))
    })
}

async fn open_from(node: &dyn Listener, path: &str, origin: &str) -> Result<Socket, Fault> {
    let address = node.address();
    let stream = TcpStream::connect(address).await.unwrap();
    let mut request = format!("ws://{address}{path}")
        .into_client_request()
        .unwrap();
    if !origin.is_empty() {
        request
            .headers_mut()
            .insert("origin", origin.parse().unwrap());
    }
    let (socket, _) = tokio_tungstenite::client_async(request, stream).await?;
    Ok(socket)
}

async fn open(node: &dyn Listener, path: &str) -> Socket {
    open_from(node, path, "").await.unwrap()
}

async fn text(socket: &mut Socket) -> String {
    loop {
        match socket.next().await.unwrap().unwrap() {
            Message::Text(text) => return text.to_string(),
            Message::Ping(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

async fn closed(socket: &mut Socket) -> CloseFrame {
    loop {
        match socket.next().await.unwrap().unwrap() {
            Message::Close(frame) => return frame.unwrap(),
            Message::Ping(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn messages_go_each_way_as_they_come() {
    let node = listen(mirror()).await;
    let mut socket = open(&*node, "/Greeter/Stream").await;

    for message in ["1", "2"] {
        socket.send(Message::text(message)).await.unwrap();

        assert_eq!(text(&mut socket).await, message);
    }
}

#[tokio::test]
async fn an_empty_message_ends_the_half_of_the_page() {
    let node = listen(mirror()).await;
    let mut socket = open(&*node, "/Greeter/Stream").await;

    socket.send(Message::text("1")).await.unwrap();
    socket.send(Message::text("")).await.unwrap();

    assert_eq!(text(&mut socket).await, "1");
    assert_eq!(u16::from(closed(&mut socket).await.code), 1000);
}

#[tokio::test]
async fn an_error_is_the_code_of_the_close_and_its_reason() {
    let node = listen(mirror()).await;
    let mut socket = open(&*node, "/Greeter/Stream").await;

    socket.send(Message::text("stop")).await.unwrap();
    let frame = closed(&mut socket).await;

    assert_eq!(
        (u16::from(frame.code), frame.reason.as_str()),
        (4409, "told to stop")
    );
}

#[tokio::test]
async fn what_does_not_stream_takes_one_message_and_gives_one() {
    let node = listen(echo()).await;
    let mut socket = open(&*node, "/greeter/Greeter.Hello").await;

    socket
        .send(Message::text(r#"{"name":"Ann"}"#))
        .await
        .unwrap();

    assert_eq!(text(&mut socket).await, r#"{"name":"Ann"}"#);
    assert_eq!(u16::from(closed(&mut socket).await.code), 1000);
}

#[tokio::test]
async fn a_page_that_leaves_ends_the_stream() {
    let (alive, mut gone) = mpsc::channel::<()>(1);
    let node = listen(by(move |_| {
        let alive = alive.clone();
        let endless = stream::pending().inspect(move |_| {
            let _ = &alive;
        });
        let body = Body::Stream(endless.boxed());
        async move { Ok(micro::message::Response::new(ContentType::JSON, body)) }
    }))
    .await;
    let mut socket = open(&*node, "/Greeter/Stream").await;

    socket.close(None).await.unwrap();
    drop(node);

    assert_eq!(gone.recv().await, None);
}

#[tokio::test]
async fn a_page_that_closes_is_told_that_it_was_heard() {
    let node = listen(mirror()).await;
    let mut socket = open(&*node, "/Greeter/Stream").await;

    socket.close(None).await.unwrap();

    while let Some(message) = socket.next().await {
        message.unwrap();
    }
}

#[tokio::test]
async fn a_page_that_leaves_before_it_is_agreed_leaves_no_connection() {
    let node = listen(mirror()).await;
    let mut page = TcpStream::connect(node.address()).await.unwrap();
    let asked = "GET /Greeter/Stream HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                 Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4PEA==\r\nContent-Length: 10\r\n\r\nhalf";

    page.write_all(asked.as_bytes()).await.unwrap();
    // The server is in the middle of the body now, or soon, and the end comes with the rest of it.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    page.write_all(b" of it").await.unwrap();
    drop(page);

    timeout(Duration::from_secs(20), node.drain())
        .await
        .expect("the connection is still there");
}

#[tokio::test]
async fn a_message_over_the_limit_ends_the_stream_with_the_setting() {
    let mut limits = Limits::default();
    limits.message = 10;
    let node = listen_with(limits, mirror()).await;
    let mut socket = open(&*node, "/Greeter/Stream").await;

    socket.send(Message::text("12345678901")).await.unwrap();
    let frame = closed(&mut socket).await;

    assert_eq!(u16::from(frame.code), 4413);
    assert!(frame.reason.contains("max_message"), "{frame:?}");
}

#[tokio::test]
async fn a_page_of_another_origin_opens_none() {
    let node = listen(mirror()).await;

    let refused = open_from(&*node, "/Greeter/Stream", "https://evil.example").await;

    let Err(Fault::Http(reply)) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(reply.status(), 403);
}

#[tokio::test]
async fn a_page_of_the_same_origin_opens_one() {
    let node = listen(mirror()).await;
    let origin = format!("http://{}", node.address());

    assert!(open_from(&*node, "/Greeter/Stream", &origin).await.is_ok());
}
