//! Frames inside the messages of a WebSocket (RFC 6455), for places where only HTTP passes: the server end, and the bytes
//! that both ends have of it.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf as _, Bytes};
use futures_util::{FutureExt as _, Sink as _, Stream as _};
use hyper::header::{HeaderMap, HeaderValue, SEC_WEBSOCKET_PROTOCOL};
use hyper::http::request::Parts;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncBufRead, AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error as Fault, Message};

use super::answer::Calls;
use super::{plain, web_socket};
use crate::http::{Exchange, Outbound};
use crate::transport::frames;

/// The subprotocol that both ends agree on.
pub(in super::super) const PROTOCOL: &str = "micro.frames";

/// How long a message is that is written, at most, and one that is read.
const WRITTEN: usize = 64 << 10;
const READ: usize = 1 << 20;

/// How long a peer may take to read the close.
const CLOSE: Duration = Duration::from_secs(5);

/// True if the head asks for frames in a WebSocket.
pub(super) fn is_asked(parts: &Parts) -> bool {
    let mut offered = parts.headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter();
    let is_offered = offered.any(|value| {
        let text = value.to_str().unwrap_or_default();
        text.split(',').any(|one| one.trim() == PROTOCOL)
    });
    is_offered && web_socket::is_asked(parts)
}

/// Agrees, and has the connection go on in frames; or says why not.
pub(super) fn answer(calls: &Calls, mut exchange: Exchange<'_>) -> hyper::Response<Outbound> {
    let (mut reply, upgrade) = match web_socket::agree(calls, &mut exchange) {
        Ok(agreed) => agreed,
        Err(error) => return plain::finish(HeaderMap::new(), Err(error)),
    };
    let protocol = HeaderValue::from_static(PROTOCOL);
    reply.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, protocol);
    let (accept, peer) = (Arc::clone(&calls.accept), exchange.peer.clone());
    exchange.next.set(move |site| {
        async move {
            let upgraded = match upgrade.await {
                Ok(upgraded) => TokioIo::new(upgraded),
                Err(error) => {
                    return tracing::debug!(%peer, %error, "a WebSocket was not opened");
                }
            };
            let socket = WebSocketStream::from_raw_socket(upgraded, Role::Server, Some(config()));
            frames::serve(Messages::new(socket.await), peer, accept, site).await;
        }
        .boxed()
    });
    reply
}

/// What a WebSocket is held to at both ends.
pub(in super::super) fn config() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(32 << 10)
        // What is written goes to the system, which tells when it takes no more.
        .write_buffer_size(0)
        .max_message_size(Some(READ))
        .max_frame_size(Some(READ))
}

/// The bytes that go in the binary messages of a WebSocket, wherever those end.
pub(in super::super) struct Messages<S> {
    socket: WebSocketStream<S>,
    /// What is left of the message that came last.
    rest: Bytes,
    closing: Option<Pin<Box<Sleep>>>,
}

impl<S> Messages<S> {
    pub(in super::super) fn new(socket: WebSocketStream<S>) -> Self {
        Self {
            socket,
            rest: Bytes::new(),
            closing: None,
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncBufRead for Messages<S> {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let this = self.get_mut();
        while this.rest.is_empty() {
            match ready!(Pin::new(&mut this.socket).poll_next(cx)) {
                Some(Ok(Message::Binary(bytes))) => this.rest = bytes,
                Some(Ok(Message::Text(_))) => {
                    return Poll::Ready(Err(io::Error::other("a message is no frames but text")));
                }
                // Pings are answered where they are read.
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
                None
                | Some(
                    Ok(Message::Close(_))
                    | Err(Fault::Protocol(ProtocolError::ResetWithoutClosingHandshake)),
                ) => break,
                Some(Err(fault)) => return Poll::Ready(Err(broken(fault))),
            }
        }
        Poll::Ready(Ok(&this.rest))
    }

    fn consume(self: Pin<&mut Self>, amount: usize) {
        self.get_mut().rest.advance(amount);
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Messages<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let there = ready!(self.as_mut().poll_fill_buf(cx))?;
        let taken = there.len().min(buffer.remaining());
        buffer.put_slice(&there[..taken]);
        self.consume(taken);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Messages<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut socket = Pin::new(&mut self.get_mut().socket);
        ready!(socket.as_mut().poll_ready(cx)).map_err(broken)?;
        let bytes = &bytes[..bytes.len().min(WRITTEN)];
        let message = Message::Binary(Bytes::copy_from_slice(bytes));
        socket.start_send(message).map_err(broken)?;
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.get_mut().socket).poll_flush(cx);
        flushed.map_err(broken)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let limit = || Box::pin(tokio::time::sleep(CLOSE));
        let closing = this.closing.get_or_insert_with(limit);
        if closing.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        Pin::new(&mut this.socket).poll_close(cx).map_err(broken)
    }
}

fn broken(fault: Fault) -> io::Error {
    match fault {
        Fault::Io(error) => error,
        fault => io::Error::other(fault),
    }
}
