//! The first bytes of a connection, which say what is spoken on it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};
use tokio::time::timeout;

use crate::listener::Site;
use crate::tls::{Protocol, Stream};

/// What a connection of HTTP/2 begins with, whose other end knows that it is served.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What is spoken on a connection.
pub(super) enum Speaks {
    Http1,
    Http2,
}

/// Reads `stream` until it is known what is spoken: at most as long as a head may take, once its first byte is there.
///
/// # Errors
///
/// Those of the connection; `TimedOut` if it says nothing, or stops before it is known.
pub(super) async fn open(stream: Stream, site: &Site) -> io::Result<(Opened, Speaks)> {
    let agreed = stream.protocol();
    let mut opened = Opened {
        stream,
        first: BytesMut::new(),
    };
    let speaks = match agreed {
        Some(Protocol::Http2) => Speaks::Http2,
        Some(_) => Speaks::Http1,
        None => opened.speaks(site).await?,
    };
    Ok((opened, speaks))
}

/// A connection of which the first bytes have been read, and are read again.
pub(super) struct Opened {
    stream: Stream,
    first: BytesMut,
}

impl Opened {
    /// Reads until it is plain whether this is HTTP/2.
    async fn speaks(&mut self, site: &Site) -> io::Result<Speaks> {
        tokio::select! {
            read = timeout(site.limits.idle_timeout, self.stream.read_buf(&mut self.first)) => {
                if read?? == 0 {
                    return Ok(Speaks::Http1);
                }
            }
            // HTTP/1.1 has its own way of waiting for a call that is on its way.
            () = site.draining() => return Ok(Speaks::Http1),
        }
        let rest = async {
            loop {
                let seen = self.first.len().min(PREFACE.len());
                if self.first[..seen] != PREFACE[..seen] {
                    return Ok(Speaks::Http1);
                }
                if seen == PREFACE.len() {
                    return Ok(Speaks::Http2);
                }
                if self.stream.read_buf(&mut self.first).await? == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            }
        };
        timeout(site.limits.head_timeout, rest).await?
    }
}

impl AsyncRead for Opened {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.first.is_empty() {
            return Pin::new(&mut self.stream).poll_read(cx, buffer);
        }
        let size = self.first.len().min(buffer.remaining());
        buffer.put_slice(&self.first[..size]);
        self.first.advance(size);
        if self.first.is_empty() {
            self.first = BytesMut::new();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Opened {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
