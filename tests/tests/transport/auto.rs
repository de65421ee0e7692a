//! Which of both is spoken on one port, and when that changes.

use std::sync::Mutex;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;

/// The first byte of what a node is sent; the connection then goes on to `address`.
async fn listening_in(address: String, seen: Arc<Mutex<Vec<u8>>>) -> String {
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let own = socket.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((mut caller, _)) = socket.accept().await {
            let mut first = [0];
            if caller.peek(&mut first).await.is_ok() {
                seen.lock().unwrap().push(first[0]);
            }
            let mut node = TcpStream::connect(&address).await.unwrap();
            tokio::spawn(
                async move { tokio::io::copy_bidirectional(&mut caller, &mut node).await },
            );
        }
    });
    own
}

fn speaks_frames() -> Facts {
    [("frames".to_owned(), "1".to_owned())].into()
}

const FRAMES: u8 = 0xf5;

async fn call(channel: &Arc<dyn Channel>) -> Result<Response> {
    let mut request = request("Greeter.Hello");
    request.body = Body::Bytes("1".into());
    channel.call(request).await
}

#[tokio::test]
async fn a_node_whose_record_says_so_is_called_in_frames() {
    let transport = AutoTransport::default();
    let (pair, seen) = (Pair::new(&transport, echo).await, Arc::default());
    let address = listening_in(pair.listener.address().to_owned(), Arc::clone(&seen)).await;
    let channel = transport.dial(&address, &speaks_frames()).unwrap();

    call(&channel).await.unwrap();

    assert_eq!(*seen.lock().unwrap(), [FRAMES]);
}

#[tokio::test]
async fn a_node_that_is_only_an_address_is_called_in_frames_once_a_reply_has_said_so() {
    let transport = AutoTransport::default();
    let (pair, seen) = (Pair::new(&transport, echo).await, Arc::default());
    let address = listening_in(pair.listener.address().to_owned(), Arc::clone(&seen)).await;
    let channel = transport.dial(&address, &Facts::new()).unwrap();

    call(&channel).await.unwrap();
    call(&channel).await.unwrap();

    assert_eq!(*seen.lock().unwrap(), [b'P', FRAMES]);
}

#[tokio::test]
async fn a_node_that_does_not_answer_in_frames_is_called_by_http() {
    let pair = Pair::new(&HttpTransport::default(), echo).await;
    let seen = Arc::default();
    let address = listening_in(pair.listener.address().to_owned(), Arc::clone(&seen)).await;
    let channel = AutoTransport::default()
        .dial(&address, &speaks_frames())
        .unwrap();

    call(&channel).await.unwrap();
    call(&channel).await.unwrap();

    // Frames are not tried again for a while.
    assert_eq!(*seen.lock().unwrap(), [FRAMES, b'P']);
}

#[tokio::test]
async fn a_node_that_says_nothing_to_frames_is_called_by_http() {
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap().to_string();
    let node = tokio::spawn(async move {
        // It swallows the preface, as a proxy may that waits for the end of a head.
        let (mut mute, _) = socket.accept().await.unwrap();
        let swallow = tokio::spawn(async move { mute.read_to_end(&mut Vec::new()).await });
        let (mut peer, _) = socket.accept().await.unwrap();
        let reply =
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1\r\n\r\n1";
        peer.write_all(reply).await.unwrap();
        swallow.await.unwrap().unwrap();
    });
    let channel = AutoTransport::default()
        .dial(&address, &speaks_frames())
        .unwrap();

    let reply = call(&channel).await.unwrap();

    assert_eq!(reply.body.into_bytes().unwrap(), "1");
    node.await.unwrap();
}

#[tokio::test]
async fn callers_of_every_kind_are_answered_on_one_port() {
    let pair = Pair::new(&AutoTransport::default(), echo).await;
    let address = pair.listener.address();

    for transport in [
        &HttpTransport::default() as &dyn Transport,
        &FramesTransport::default(),
    ] {
        let channel = transport.dial(address, &Facts::new()).unwrap();

        assert!(call(&channel).await.is_ok(), "{}", transport.name());
    }
}

#[tokio::test]
async fn a_stream_is_opened_in_frames_at_a_node_that_is_only_an_address() {
    let transport = AutoTransport::default();
    let pair = Pair::new(&transport, echo).await;
    let channel = transport
        .dial(pair.listener.address(), &Facts::new())
        .unwrap();

    let mut socket = channel.open(request("Stream.Echo")).await.unwrap();
    socket.outgoing.send(Ok("1".into())).await.unwrap();

    let mut incoming = socket.incoming.await.unwrap().body.into_stream();
    assert_eq!(incoming.next().await.unwrap().unwrap(), "1");
}

#[tokio::test]
async fn a_stream_to_a_node_of_http_alone_goes_by_http() {
    let pair = Pair::new(&HttpTransport::default(), echo).await;
    let channel = AutoTransport::default()
        .dial(pair.listener.address(), &Facts::new())
        .unwrap();

    let mut socket = channel.open(request("Stream.Echo")).await.unwrap();
    socket.outgoing.send(Ok("1".into())).await.unwrap();

    let mut incoming = socket.incoming.await.unwrap().body.into_stream();
    assert_eq!(incoming.next().await.unwrap().unwrap(), "1");
}

#[tokio::test]
async fn a_stream_to_a_node_whose_frames_do_not_come_through_is_refused_with_the_reason() {
    let pair = Pair::new(&HttpTransport::default(), echo).await;
    let channel = AutoTransport::default()
        .dial(pair.listener.address(), &speaks_frames())
        .unwrap();

    for _ in 0..2 {
        let error = channel.open(request("Stream.Echo")).await.unwrap_err();

        assert_eq!(error.code(), 501);
        assert!(error.detail().contains("proxy"), "{error}");
    }
}
