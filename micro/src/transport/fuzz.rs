//! What the fuzzer drives: the far end of a connection that sends bytes of its own, and what answers it here.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt, stream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

pub use super::frames::fuzz::{call, head, serve};
pub use super::http::fuzz::{bare, serve as serve_http};
#[cfg(feature = "grpc")]
pub use super::http::grpc::fuzz::timeout;
use super::{Accept, Limits};
use crate::error::{Error, Result};
use crate::message::{Body, Request, Response};

/// A peer that sends what it has, in pieces, and reads all that it is sent.
pub(super) struct Script {
    sends: Bytes,
    piece: usize,
    /// What is pending every other time wakes at once, so that the other tasks have their turn: reads and writes apart,
    /// or those that take turns would be pending for ever.
    reads: usize,
    writes: usize,
    read: Arc<Mutex<Vec<u8>>>,
}

/// How often a peer that has sent everything waits for answers before it closes.
const LINGER: usize = 32;

impl Script {
    /// The first byte says how long its pieces are; the others are sent.
    pub(super) fn new(data: &[u8]) -> (Self, Arc<Mutex<Vec<u8>>>) {
        let (first, rest) = data.split_first().unwrap_or((&0, &[]));
        let read = Arc::default();
        let peer = Self {
            sends: Bytes::copy_from_slice(rest),
            piece: 1 + usize::from(*first) * usize::from(*first),
            reads: 0,
            writes: 0,
            read: Arc::clone(&read),
        };
        (peer, read)
    }
}

/// True every other time, and then woken.
fn waits(turn: &mut usize, cx: &Context<'_>) -> bool {
    *turn += 1;
    let waits = turn.is_multiple_of(2);
    if waits {
        cx.waker().wake_by_ref();
    }
    waits
}

impl AsyncRead for Script {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let is_over = self.sends.is_empty();
        if waits(&mut self.reads, cx) || (is_over && self.reads < LINGER) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let length = self.piece.min(self.sends.len()).min(buffer.remaining());
        buffer.put_slice(&self.sends.split_to(length));
        if self.sends.is_empty() && !is_over {
            self.reads = 0;
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
        if waits(&mut self.writes, cx) {
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

/// Answers as the first byte of the message says: it fails, waits, is long, is a stream, or is the same. Endpoints
/// stream whose names end in `s`.
pub(super) struct Moody {
    /// How many turns what waits does so; `None` is until it is cancelled.
    pub(super) waits: Option<usize>,
}

impl Accept for Moody {
    fn streams(&self, head: &Request) -> bool {
        head.endpoint.ends_with('s')
    }

    fn call(&self, request: Request) -> BoxFuture<'static, Result<Response>> {
        let waits = self.waits;
        async move {
            let content_type = request.content_type;
            let body = match request.body {
                Body::Stream(items) => Body::Stream(items),
                Body::Bytes(bytes) => match bytes.first() {
                    Some(b'e') => return Err(Error::conflict("fuzz", "it is said so")),
                    Some(b'p') => {
                        let Some(turns) = waits else {
                            return std::future::pending().await;
                        };
                        for _ in 0..turns {
                            tokio::task::yield_now().await;
                        }
                        return Err(Error::timeout("fuzz", "it was waited for"));
                    }
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
pub(super) fn limits() -> Limits {
    Limits {
        message: 60_000,
        calls: 8,
        streams: 4,
        ..Limits::default()
    }
}

pub(super) fn run(task: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build();
    if let Ok(runtime) = runtime {
        runtime.block_on(task);
    }
}
