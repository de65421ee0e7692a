//! Frames, byte by byte: each end sends what is written of it, and takes what is written of the other.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, SinkExt, StreamExt, stream};
use micro::message::{Body, ContentType, Request, Response};
use micro::transport::{
    Accept, Channel, Facts, FramesTransport, Incoming, Limits, Socket, Transport,
};
use micro::{Error, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

const GOLDEN: &str = include_str!("../../golden/frames.txt");
const WIRE: &str = include_str!("../../../micro/src/docs/wire.md");

/// What one end sends.
#[derive(Debug, PartialEq, Eq)]
enum Sent {
    ByClient(Vec<u8>),
    ByServer(Vec<u8>),
}

/// What is written under `title`.
fn written(title: &str) -> Vec<Sent> {
    let (_, after) = GOLDEN
        .split_once(&format!("== {title}\n"))
        .unwrap_or_else(|| panic!("nothing is written of {title:?}"));
    let mut sent = Vec::new();
    for line in after.lines().take_while(|line| !line.is_empty()) {
        match (line.as_bytes()[0], sent.last_mut()) {
            (b'#', _) => {}
            (b'>', _) => sent.push(Sent::ByClient(bytes(&line[1..]))),
            (b'<', _) => sent.push(Sent::ByServer(bytes(&line[1..]))),
            (_, Some(Sent::ByClient(last) | Sent::ByServer(last))) => last.extend(bytes(line)),
            (_, None) => panic!("{line}"),
        }
    }
    sent
}

fn bytes(text: &str) -> Vec<u8> {
    let byte = |text| u8::from_str_radix(text, 16).unwrap();
    let words = text.split_whitespace();
    let runs = words.map(|word| match word.split_once('*') {
        Some((text, times)) => vec![byte(text); times.parse().unwrap()],
        None => vec![byte(word)],
    });
    runs.collect::<Vec<_>>().concat()
}

fn exchange(title: &str) -> Vec<Sent> {
    let mut all = written("The prefaces");
    if title != "The prefaces" {
        all.extend(written(title));
    }
    all
}

async fn expect(stream: &mut TcpStream, wanted: &[u8]) {
    let mut came = vec![0; wanted.len()];
    stream.read_exact(&mut came).await.unwrap();
    assert_eq!(came, wanted, "{}", String::from_utf8_lossy(&came));
}

/// What the exchanges are made with.
struct Greeter;

impl Accept for Greeter {
    fn streams(&self, _: &Request) -> bool {
        false
    }

    fn call(&self, request: Request) -> BoxFuture<'static, Result<Response>> {
        async move {
            let body = match &*request.endpoint {
                "Greeter.Hello" => {
                    let name = request.body.into_bytes()?;
                    let name = String::from_utf8_lossy(&name).replace('"', "");
                    Body::Bytes(format!("\"Hello {name}\"").into())
                }
                "Greeter.Refuse" => return Err(Error::conflict("greeter", "taken")),
                "Greeter.Busy" => {
                    return Err(Error::unavailable("greeter", "busy").never_reached());
                }
                "Greeter.Count" => {
                    request.body.into_first().await?;
                    let numbers = ["1", "2"].map(|number| Ok(Bytes::from(number)));
                    Body::Stream(stream::iter(numbers).boxed())
                }
                "Greeter.Sum" => {
                    let numbers: Vec<_> = request.body.into_stream().collect().await;
                    assert_eq!(numbers.len(), 2);
                    Body::Bytes("3".into())
                }
                "Greeter.Talk" => request.body,
                "Greeter.Length" => {
                    Body::Bytes(request.body.into_bytes()?.len().to_string().into())
                }
                _ => std::future::pending().await,
            };
            Ok(Response::new(ContentType::JSON, body))
        }
        .boxed()
    }
}

/// A server of ours is sent what the client sends, and answers as it is written.
async fn replay_to_server(title: &str) {
    let mut limits = Limits::default();
    limits.linger = Duration::ZERO;
    let listener = FramesTransport::new(limits)
        .listen("127.0.0.1:0", Arc::new(Greeter))
        .await
        .unwrap();
    let mut stream = TcpStream::connect(listener.address()).await.unwrap();
    let mut left = exchange(title).into_iter().peekable();
    while let Some(sent) = left.next() {
        match sent {
            Sent::ByClient(bytes) => stream.write_all(&bytes).await.unwrap(),
            Sent::ByServer(wanted) if title.ends_with("stops") && left.peek().is_none() => {
                tokio::join!(listener.drain(), expect(&mut stream, &wanted));
            }
            Sent::ByServer(wanted) => expect(&mut stream, &wanted).await,
        }
    }
}

/// A node that answers as it is written, and wants to be called so.
struct Node {
    task: JoinHandle<()>,
    /// The second frame has come: a call, behind the definition.
    called: Arc<Notify>,
}

impl Node {
    /// Waits until the client has closed the connection, having sent all that is written.
    async fn done(self) {
        self.task.await.unwrap();
    }
}

async fn node(title: &'static str) -> (Arc<dyn Channel>, Node) {
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap().to_string();
    let called = Arc::new(Notify::new());
    let tell = Arc::clone(&called);
    let task = tokio::spawn(async move {
        let (mut stream, _) = socket.accept().await.unwrap();
        for (number, sent) in exchange(title).into_iter().enumerate() {
            if number == 4 {
                tell.notify_one();
            }
            match sent {
                Sent::ByClient(wanted) => expect(&mut stream, &wanted).await,
                Sent::ByServer(bytes) => stream.write_all(&bytes).await.unwrap(),
            }
        }
        assert_eq!(stream.read_to_end(&mut Vec::new()).await.unwrap(), 0);
    });
    let transport = FramesTransport::default();
    let channel = transport.dial(&address, &Facts::new()).unwrap();
    (channel, Node { task, called })
}

fn request(endpoint: &'static str, body: impl Into<Bytes>) -> Request {
    let mut request = Request::new("greeter", endpoint);
    request.content_type = ContentType::JSON;
    request.body = Body::Bytes(body.into());
    request
}

async fn call(channel: &Arc<dyn Channel>, request: Request) -> Result<Bytes> {
    channel.call(request).await?.body.into_bytes()
}

async fn open(
    channel: &Arc<dyn Channel>,
    endpoint: &'static str,
    items: &[&'static str],
) -> Socket {
    let mut socket = channel.open(request(endpoint, "")).await.unwrap();
    for item in items {
        socket.outgoing.send(Ok((*item).into())).await.unwrap();
    }
    socket
}

async fn all(incoming: Incoming) -> Vec<Bytes> {
    let items = incoming.await.unwrap().body.into_stream();
    items.map(Result::unwrap).collect().await
}

#[test]
fn the_exchanges_stand_in_the_specification() {
    assert!(WIRE.contains(&format!("```text\n{GOLDEN}```\n")));
}

#[test]
fn the_exchanges_have_frames_of_every_kind() {
    let lines = GOLDEN.lines().filter(|line| line.starts_with(['>', '<']));
    let kinds: BTreeSet<u8> = lines.map(|line| bytes(&line[1..])[2]).collect();

    // 0x69 is in the prefaces.
    assert!(kinds.into_iter().filter(|kind| *kind != 0x69).eq(1..=10));
}

#[tokio::test]
async fn our_server_answers_as_it_is_written() {
    for title in GOLDEN.lines().filter_map(|line| line.strip_prefix("== ")) {
        // A server asks when it has heard nothing for long.
        if title != "A server asks whether the client is there" {
            replay_to_server(title).await;
        }
    }
}

#[tokio::test]
async fn our_client_calls_as_it_is_written() {
    let (channel, node) = node("A call, and another of the same endpoint with metadata").await;
    let mut second = request("Greeter.Hello", "\"Bob\"");
    second.metadata.set("x-user", "42");

    let first = call(&channel, request("Greeter.Hello", "\"Ann\"")).await;
    let second = call(&channel, second).await;

    assert_eq!(first.unwrap(), "\"Hello Ann\"");
    assert_eq!(second.unwrap(), "\"Hello Bob\"");
    drop(channel);
    node.done().await;
}

#[tokio::test]
async fn our_client_takes_errors_as_they_are_written() {
    let (taken, _node) = node("An error").await;
    let (busy, _other) = node("An error of which no handler knows").await;

    let taken = call(&taken, request("Greeter.Refuse", "1"))
        .await
        .unwrap_err();
    let busy = call(&busy, request("Greeter.Busy", "1")).await.unwrap_err();

    assert_eq!((taken.code(), taken.detail()), (409, "taken"));
    assert!(!taken.is_never_reached() && busy.is_never_reached());
}

#[tokio::test]
async fn our_client_streams_answers_as_it_is_written() {
    let (channel, node) = node("A stream of answers").await;
    let mut socket = open(&channel, "Greeter.Count", &["2"]).await;

    socket.outgoing.close().await.unwrap();

    assert_eq!(all(socket.incoming).await, ["1", "2"]);
    drop((socket.outgoing, channel));
    node.done().await;
}

#[tokio::test]
async fn our_client_streams_requests_as_it_is_written() {
    let (channel, node) = node("A stream of requests").await;
    let mut socket = open(&channel, "Greeter.Sum", &["1", "2"]).await;

    socket.outgoing.close().await.unwrap();

    assert_eq!(all(socket.incoming).await, ["3"]);
    drop((socket.outgoing, channel));
    node.done().await;
}

#[tokio::test]
async fn our_client_streams_both_ways_as_it_is_written() {
    let (channel, node) = node("Streams both ways").await;
    let mut socket = open(&channel, "Greeter.Talk", &[]).await;
    let mut echoes = socket.incoming.await.unwrap().body.into_stream();

    socket.outgoing.send(Ok("1".into())).await.unwrap();
    assert_eq!(echoes.next().await.unwrap().unwrap(), "1");
    socket.outgoing.close().await.unwrap();

    assert!(echoes.next().await.is_none());
    drop((socket.outgoing, channel));
    node.done().await;
}

#[tokio::test]
async fn our_client_cuts_up_long_messages_as_it_is_written() {
    let (channel, node) = node("A message that spans frames").await;

    let length = call(&channel, request("Greeter.Length", vec![b'1'; 20_000])).await;

    assert_eq!(length.unwrap(), "20000");
    drop(channel);
    node.done().await;
}

#[tokio::test]
async fn our_client_cancels_as_it_is_written() {
    let (channel, node) = node("A call that is cancelled").await;
    let called = Arc::clone(&node.called);
    let mut waiting = Box::pin(call(&channel, request("Greeter.Wait", "1")));
    tokio::select! {
        _ = &mut waiting => unreachable!(),
        () = called.notified() => {}
    }

    drop(waiting);
    drop(channel);

    node.done().await;
}

#[tokio::test]
async fn our_client_answers_a_ping_as_it_is_written() {
    let (channel, node) = node("A server asks whether the client is there").await;

    let reply = call(&channel, request("Greeter.Wait", "1")).await;

    assert_eq!(reply.unwrap(), "2");
    drop(channel);
    node.done().await;
}

#[tokio::test]
async fn our_client_leaves_a_server_that_stops() {
    let (channel, node) = node("A server that stops").await;

    let reply = call(&channel, request("Greeter.Hello", "\"Ann\"")).await;

    assert_eq!(reply.unwrap(), "\"Hello Ann\"");
    // It closes the connection by itself.
    node.done().await;
}
