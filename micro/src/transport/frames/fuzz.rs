//! What the fuzzer drives: both sides of a connection by bytes of its own, and the heads.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, SinkExt, StreamExt, stream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::client::Connection;
use super::frame::take;
use super::head::{CallHead, Endpoint, read_call, read_reply, write_call, write_reply};
use super::preface::LENGTH;
use super::{channel, server};
use crate::error::{Error, Result};
use crate::listener::Site;
use crate::message::{Body, ContentType, Request, Response};
use crate::peer::Peer;
use crate::transport::{Accept, Limits};

/// A peer that sends what it has, in pieces, and reads all that it is sent.
struct Script {
    sends: Bytes,
    piece: usize,
    /// What is pending every other time wakes at once, so that the other tasks have their turn.
    turn: usize,
    read: Arc<Mutex<Vec<u8>>>,
}

/// How often a peer that has sent everything waits for answers before it closes.
const LINGER: usize = 32;

impl Script {
    /// The first byte says how long its pieces are; the others are sent.
    fn new(data: &[u8]) -> (Self, Arc<Mutex<Vec<u8>>>) {
        let (first, rest) = data.split_first().unwrap_or((&0, &[]));
        let read = Arc::default();
        let peer = Self {
            sends: Bytes::copy_from_slice(rest),
            piece: 1 + usize::from(*first) * usize::from(*first),
            turn: 0,
            read: Arc::clone(&read),
        };
        (peer, read)
    }

    fn waits(&mut self, cx: &Context<'_>) -> bool {
        self.turn += 1;
        let waits = self.turn.is_multiple_of(2);
        if waits {
            cx.waker().wake_by_ref();
        }
        waits
    }
}

impl AsyncRead for Script {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let is_over = self.sends.is_empty();
        if self.waits(cx) || (is_over && self.turn < LINGER) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let length = self.piece.min(self.sends.len()).min(buffer.remaining());
        buffer.put_slice(&self.sends.split_to(length));
        if self.sends.is_empty() && !is_over {
            self.turn = 0;
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Script {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.waits(cx) {
            return Poll::Pending;
        }
        let length = bytes.len().min(self.piece.saturating_mul(8));
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        read.extend_from_slice(&bytes[..length]);
        Poll::Ready(Ok(length))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Answers as the first byte of the message says: it fails, waits, is long, is a stream, or is the same.
struct Moody;

impl Accept for Moody {
    fn streams(&self, _: &Request) -> bool {
        false
    }

    fn call(&self, request: Request) -> BoxFuture<'static, Result<Response>> {
        async move {
            let content_type = request.content_type;
            let body = match request.body {
                Body::Stream(items) => Body::Stream(items),
                Body::Bytes(bytes) => match bytes.first() {
                    Some(b'e') => return Err(Error::conflict("fuzz", "it is said so")),
                    Some(b'p') => std::future::pending().await,
                    Some(b'w') => {
                        tokio::task::yield_now().await;
                        Body::Bytes(bytes)
                    }
                    Some(b'l') => Body::Bytes(vec![7; 50_000].into()),
                    Some(b's') => {
                        let items = (0..300).map(move |size| Ok(bytes.repeat(size).into()));
                        Body::Stream(stream::iter(items.take(40)).boxed())
                    }
                    _ => Body::Bytes(bytes),
                },
            };
            Ok(Response::new(content_type, body))
        }
        .boxed()
    }
}

/// Bounds that a short input meets.
fn limits() -> Limits {
    Limits {
        message: 60_000,
        calls: 8,
        streams: 4,
        ..Limits::default()
    }
}

fn run(task: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build();
    if let Ok(runtime) = runtime {
        runtime.block_on(task);
    }
}

/// What one side sent is a preface, if anything, and then frames.
fn check(sent: &Mutex<Vec<u8>>) {
    let sent = sent.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(mut rest) = sent.get(LENGTH..) else {
        return;
    };
    loop {
        match take(rest) {
            Ok(Some((_, length))) => rest = &rest[length..],
            Ok(None) => return,
            Err(broken) => panic!("this side sent what it does not take: {broken}"),
        }
    }
}

/// A server is sent `data`.
pub fn serve(data: &[u8]) {
    let (peer, sent) = Script::new(data);
    run(async {
        let site = Site::new(limits());
        server::serve(peer, Peer::new("fuzz"), Arc::new(Moody), &site).await;
    });
    check(&sent);
}

/// A client with calls of every kind is answered `data`; each of them ends.
pub fn call(data: &[u8]) {
    let (peer, sent) = Script::new(data);
    run(async {
        let Ok(connection) = Connection::start(peer, "fuzz".into(), &limits()).await else {
            return;
        };
        let request = || Request::new("greeter", "Greeter.Hello");
        let mut long = request();
        long.body = Body::Bytes(vec![0; 40_000].into());
        let stream = async {
            let Ok(mut socket) = channel::open(&connection, request()).await else {
                return;
            };
            let sending = async {
                for item in [Bytes::from("one"), vec![0; 40_000].into()] {
                    let _ = socket.outgoing.send(Ok(item)).await;
                }
                let _ = socket.outgoing.close().await;
            };
            let receiving = async {
                if let Ok(response) = socket.incoming.await {
                    response.body.into_stream().count().await;
                }
            };
            futures_util::join!(sending, receiving);
        };
        let _ = futures_util::join!(
            channel::call(&connection, request()),
            channel::call(&connection, long),
            stream
        );
    });
    check(&sent);
}

/// A head that can be read is the same after it was written.
pub fn head(data: &[u8]) {
    if let Ok((head, _)) = read_call(data) {
        let names = match head.endpoint {
            Endpoint::Named(service, endpoint) => (service.to_owned(), endpoint.to_owned()),
            Endpoint::Numbered(_) => ("a".to_owned(), "B.C".to_owned()),
        };
        let mut request = Request::new(names.0, names.1);
        request.content_type = head.content_type.clone();
        request.accept = head.accept.clone();
        request.metadata = head.metadata.clone();
        request.deadline = head.left.and_then(|left| Instant::now().checked_add(left));
        let number = match head.endpoint {
            Endpoint::Named(..) => None,
            Endpoint::Numbered(number) => Some(number),
        };
        let mut out = Vec::new();
        write_call(&mut out, &request, number);
        same(&head, &out);
    }
    if let Ok((content_type, metadata, _)) = read_reply(data) {
        let mut response = Response::new(content_type.clone(), Body::default());
        response.metadata = metadata.clone();
        let mut out = Vec::new();
        write_reply(&mut out, &response);
        match read_reply(&out) {
            Ok(again) => assert_eq!(again, (content_type, metadata, &[][..])),
            Err(broken) => panic!("a reply that was written cannot be read: {broken}"),
        }
    }
}

fn same(head: &CallHead<'_>, written: &[u8]) {
    let (again, rest) = match read_call(written) {
        Ok(again) => again,
        Err(broken) => panic!("a call that was written cannot be read: {broken}"),
    };
    assert!(rest.is_empty());
    match (&head.endpoint, &again.endpoint) {
        (Endpoint::Named(a, b), Endpoint::Named(c, d)) => assert_eq!((a, b), (c, d)),
        (Endpoint::Numbered(a), Endpoint::Numbered(b)) => assert_eq!(a, b),
        _ => panic!("an endpoint is named in another way"),
    }
    let accepted = |head: &CallHead<'_>| -> ContentType {
        let own = || head.content_type.clone();
        head.accept.clone().unwrap_or_else(own)
    };
    assert_eq!(head.content_type, again.content_type);
    assert_eq!(accepted(head), accepted(&again));
    assert_eq!(head.metadata, again.metadata);
    let most = head.left.unwrap_or(Duration::MAX);
    assert!(
        again
            .left
            .is_none_or(|left| left <= most.max(Duration::from_micros(1)))
    );
}
