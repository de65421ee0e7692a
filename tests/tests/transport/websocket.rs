//! Frames inside a WebSocket, and what is between both ends of it.

use std::sync::Mutex;

use futures_util::stream;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Error as Fault, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use super::*;

/// Speaks HTTP alone: answers a request for a WebSocket with `status`, and every call with `1`. What was asked, by method.
async fn http_alone(status: &'static str) -> (String, Arc<Mutex<Vec<String>>>) {
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let own = socket.local_addr().unwrap().to_string();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let asking = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((caller, _)) = socket.accept().await {
            let mut caller = BufReader::new(caller);
            let mut lines = Vec::new();
            while !lines.ends_with(b"\r\n\r\n") {
                caller.read_until(b'\n', &mut lines).await.unwrap();
            }
            let method = String::from_utf8(lines).unwrap();
            let method = method.split(' ').next().unwrap().to_owned();
            let status = match &*method {
                "GET" => status,
                _ => "200 OK",
            };
            asking.lock().unwrap().push(method);
            let reply = format!(
                "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: 1\r\nConnection: close\r\n\r\n1"
            );
            caller.write_all(reply.as_bytes()).await.unwrap();
        }
    });
    (own, asked)
}

fn channel(address: &str) -> Arc<dyn Channel> {
    let transport = WebSocketTransport::default();
    transport.dial(address, &Facts::new()).unwrap()
}

async fn call(channel: &Arc<dyn Channel>) -> Result<Bytes> {
    let mut request = request("Greeter.Hello");
    request.body = Body::Bytes("1".into());
    channel.call(request).await?.body.into_bytes()
}

/// A stream, since it goes by a WebSocket or not at all.
#[tokio::test]
async fn a_server_that_takes_http_agrees_to_frames_in_a_websocket() {
    for transport in [
        &HttpTransport::default() as &dyn Transport,
        &AutoTransport::default(),
    ] {
        let pair = Pair::new(transport, echo).await;
        let channel = channel(pair.listener.address());

        let mut socket = channel.open(request("Stream.Echo")).await.unwrap();

        socket.outgoing.send(Ok("1".into())).await.unwrap();
        let mut incoming = socket.incoming.await.unwrap().body.into_stream();
        assert_eq!(incoming.next().await.unwrap().unwrap(), "1");
    }
}

#[tokio::test]
async fn a_stream_goes_both_ways_at_once() {
    let pair = Pair::new(&WebSocketTransport::default(), echo).await;
    let mut socket = pair.channel.open(request("Stream.Echo")).await.unwrap();

    socket.outgoing.send(Ok("1".into())).await.unwrap();
    let mut incoming = socket.incoming.await.unwrap().body.into_stream();
    let first = incoming.next().await.unwrap().unwrap();
    socket.outgoing.send(Ok("2".into())).await.unwrap();
    socket.outgoing.close().await.unwrap();
    let second = incoming.next().await.unwrap().unwrap();

    assert_eq!((&*first, &*second), (&b"1"[..], &b"2"[..]));
    assert!(incoming.next().await.is_none());
}

#[tokio::test]
async fn messages_of_megabytes_pass_while_others_do() {
    let pair = Pair::new(&WebSocketTransport::default(), echo).await;
    let large = Bytes::from(vec![b'1'; 4 << 20]);

    let (one, other, small) = tokio::join!(
        pair.call(large.clone()),
        pair.call(large.clone()),
        pair.call("1")
    );

    // Not by assert_eq, which would print them.
    assert!(one.unwrap() == large && other.unwrap() == large && small.unwrap() == "1");
}

#[tokio::test]
async fn a_message_over_the_limit_is_refused_and_the_connection_goes_on() {
    let pair = Pair::new(&WebSocketTransport::default(), echo).await;

    let error = pair.call(vec![b'1'; (4 << 20) + 1]).await.unwrap_err();

    assert_eq!(error.code(), 413);
    assert_eq!(pair.call("1").await.unwrap(), "1");
}

#[tokio::test]
async fn a_node_that_agrees_to_none_is_called_by_http_from_then_on() {
    let (address, asked) = http_alone("404 Not Found").await;
    let channel = channel(&address);

    call(&channel).await.unwrap();
    call(&channel).await.unwrap();

    assert_eq!(*asked.lock().unwrap(), ["GET", "POST", "POST"]);
}

#[tokio::test]
async fn a_stream_to_a_node_that_agrees_to_none_is_refused_with_the_reason() {
    let (address, _) = http_alone("404 Not Found").await;

    let error = channel(&address).open(request("Stream.Echo")).await;

    let error = error.unwrap_err();
    assert_eq!(error.code(), 501);
    assert!(error.detail().contains("proxy"), "{error}");
}

#[tokio::test]
async fn a_proxy_that_answers_502_says_that_the_node_was_never_reached() {
    let (address, asked) = http_alone("502 Bad Gateway").await;

    let error = call(&channel(&address)).await.unwrap_err();

    assert_eq!((error.code(), error.is_never_reached()), (503, true));
    assert_eq!(*asked.lock().unwrap(), ["GET"]);
}

#[tokio::test]
async fn a_node_of_go_micro_is_called_by_http() {
    let (address, asked) = http_alone("404 Not Found").await;
    let facts: Facts = [("protocol".to_owned(), "mucp".to_owned())].into();
    let channel = WebSocketTransport::default().dial(&address, &facts);

    call(&channel.unwrap()).await.unwrap();

    assert_eq!(*asked.lock().unwrap(), ["POST"]);
}

async fn upgraded(address: &str, origin: &str) -> Result<WebSocketStream<TcpStream>, Fault> {
    let stream = TcpStream::connect(address).await.unwrap();
    let mut request = format!("ws://{address}/any/path").into_client_request()?;
    let headers = request.headers_mut();
    headers.insert("sec-websocket-protocol", "micro.frames".parse().unwrap());
    headers.insert("origin", origin.parse().unwrap());
    Ok(client_async(request, stream).await?.0)
}

#[tokio::test]
async fn a_page_of_another_origin_opens_none() {
    let pair = Pair::new(&WebSocketTransport::default(), echo).await;

    let refused = upgraded(pair.listener.address(), "https://evil.example").await;

    let Err(Fault::Http(reply)) = refused else {
        panic!("it was opened");
    };
    assert_eq!(reply.status(), 403);
}

/// The preface: the windows and limits are those of the specification's examples.
const PREFACE: &[u8] = b"\xf5micro\x01\0\0\0\x04\0\0\0\x80\0\0\0\x40\0\x00\x04\0\0";

#[tokio::test]
async fn messages_of_a_byte_each_are_read_as_one_stream() {
    let pair = Pair::new(&WebSocketTransport::default(), echo).await;
    let address = pair.listener.address();
    let mut socket = upgraded(address, &format!("http://{address}"))
        .await
        .unwrap();

    let bytes = PREFACE.iter().map(|byte| Ok(Message::binary(vec![*byte])));
    socket.send_all(&mut stream::iter(bytes)).await.unwrap();

    let answer = socket.next().await.unwrap().unwrap();
    assert!(answer.into_data().starts_with(b"\xf5micro\x01"));
}

#[tokio::test]
async fn a_message_of_text_ends_the_connection() {
    let pair = Pair::new(&WebSocketTransport::default(), echo).await;
    let address = pair.listener.address();
    let mut socket = upgraded(address, &format!("http://{address}"))
        .await
        .unwrap();

    socket.send(Message::text("hello")).await.unwrap();

    assert!(socket.next().await.is_none_or(|end| end.is_err()));
}

#[tokio::test]
async fn a_server_that_drains_finishes_the_call_and_closes_the_websocket() {
    let (begun, mut begins) = mpsc::unbounded_channel();
    let (finish, finished) = tokio::sync::watch::channel(false);
    let handler = move |request| {
        let (begun, mut finished) = (begun.clone(), finished.clone());
        async move {
            begun.send(()).unwrap();
            finished.wait_for(|finished| *finished).await.unwrap();
            echo(request).await
        }
    };
    let pair = Pair::new(&WebSocketTransport::default(), handler).await;
    let mut call = std::pin::pin!(pair.call("1"));
    tokio::select! {
        _ = &mut call => panic!("it was answered"),
        begun = begins.recv() => begun.unwrap(),
    }

    let answered = async {
        finish.send(true).unwrap();
        call.await
    };
    let (reply, ()) = tokio::join!(answered, pair.listener.drain());

    assert_eq!(reply.unwrap(), "1");
    assert_eq!(pair.listener.connections(), 0);
}

#[tokio::test]
async fn what_is_between_both_ends_sees_a_request_of_http_with_the_subprotocol() {
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let channel = channel(&socket.local_addr().unwrap().to_string());
    let calling = tokio::spawn(async move { call(&channel).await });

    let (mut caller, _) = socket.accept().await.unwrap();
    let mut head = [0; 512];
    let length = caller.read(&mut head).await.unwrap();

    let head = String::from_utf8_lossy(&head[..length]).to_lowercase();
    assert!(head.starts_with("get / http/1.1\r\n"), "{head}");
    assert!(
        head.contains("sec-websocket-protocol: micro.frames\r\n"),
        "{head}"
    );
    calling.abort();
}
