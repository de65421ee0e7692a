//! A connection, secured or not.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncBufRead, AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// What may be spoken on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    Frames,
    Http,
    Http2,
    /// What has no name in the handshake, as what servers of backends speak.
    #[cfg_attr(not(feature = "amqp"), allow(dead_code))]
    Unnamed,
}

impl Protocol {
    /// Its name in the handshake (ALPN).
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Frames => "micro/1",
            Self::Http => "http/1.1",
            Self::Http2 => "h2",
            Self::Unnamed => "",
        }
    }
}

/// A stream of bytes each way, of which the first can be seen before they are taken.
pub(crate) trait Duplex: AsyncBufRead + AsyncWrite + Send + Sync + Unpin {}

impl<T: AsyncBufRead + AsyncWrite + Send + Sync + Unpin> Duplex for T {}

/// A connection.
pub(crate) enum Stream {
    Plain(TcpStream),
    /// With what was agreed on in the handshake, if that was said.
    Secured(Box<dyn Duplex>, Option<Protocol>),
}

impl Stream {
    /// What both ends have agreed to speak.
    pub(crate) fn protocol(&self) -> Option<Protocol> {
        match self {
            Self::Plain(_) => None,
            Self::Secured(_, protocol) => *protocol,
        }
    }

    /// The first byte, which is not taken; `None` if the other side closed without one.
    pub(crate) async fn first(&mut self) -> io::Result<Option<u8>> {
        match self {
            Self::Plain(stream) => {
                let mut byte = [0];
                let read = stream.peek(&mut byte).await?;
                Ok((read == 1).then_some(byte[0]))
            }
            Self::Secured(stream, _) => {
                poll_fn(|cx| {
                    let filled = Pin::new(&mut *stream).poll_fill_buf(cx);
                    filled.map_ok(|bytes| bytes.first().copied())
                })
                .await
            }
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Secured(stream, _) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Secured(stream, _) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
            Self::Secured(stream, _) => Pin::new(stream).poll_write_vectored(cx, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(stream) => stream.is_write_vectored(),
            Self::Secured(stream, _) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Secured(stream, _) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Secured(stream, _) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
