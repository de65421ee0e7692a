//! The first bytes of a connection, which say what is spoken on it.

use std::io;
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};
use tokio::time::timeout;

use super::Answer;
use super::messages::{Extent, Head, Of, extent, head, may_end};
use crate::listener::Site;
use crate::tls::{Protocol, Stream};

/// What a connection of HTTP/2 begins with, whose other end knows that it is served.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Room for the head of a usual call, and a small body.
const USUAL: usize = 1 << 10;

/// How long a body may be that is looked into, to know what is spoken.
const SEEN: u64 = 4 << 10;

/// What is spoken on a connection.
pub(super) enum Speaks {
    /// Requests, with a reply each.
    Http1,
    Http2,
    /// Messages of HTTP/1.1, back to back both ways.
    Stream,
}

/// Reads `stream` until it is known what is spoken, which the first head tells: at most as long as that may take, once
/// its first byte is there.
///
/// # Errors
///
/// Those of the connection; `TimedOut` if it says nothing, or stops before it is known.
pub(super) async fn open<A: Answer>(
    stream: Stream,
    site: &Site,
    answer: &A,
    peer: &str,
) -> io::Result<(Opened, Speaks)> {
    let agreed = stream.protocol();
    let mut opened = Opened {
        stream,
        first: BytesMut::with_capacity(USUAL),
    };
    let speaks = match agreed {
        Some(Protocol::Http2) => Speaks::Http2,
        _ => opened.speaks(site, answer, peer).await?,
    };
    Ok((opened, speaks))
}

/// A connection of which the first bytes have been read, and are read again.
pub(crate) struct Opened {
    stream: Stream,
    first: BytesMut,
}

impl Opened {
    async fn speaks<A: Answer>(
        &mut self,
        site: &Site,
        answer: &A,
        peer: &str,
    ) -> io::Result<Speaks> {
        tokio::select! {
            read = timeout(site.limits.idle_timeout, self.stream.read_buf(&mut self.first)) => {
                if read?? == 0 {
                    return Ok(Speaks::Http1);
                }
            }
            // HTTP/1.1 has its own way of waiting for a call that is on its way.
            () = site.draining() => return Ok(Speaks::Http1),
        }
        let told = async {
            loop {
                let seen = self.first.len().min(PREFACE.len());
                if self.first[..seen] != PREFACE[..seen] {
                    return self.head(site, answer, peer).await;
                }
                if seen == PREFACE.len() {
                    return Ok(Told::Speaks(Speaks::Http2));
                }
                if self.stream.read_buf(&mut self.first).await? == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            }
        };
        let (head, body) = match timeout(site.limits.head_timeout, told).await?? {
            Told::Speaks(speaks) => return Ok(speaks),
            Told::Body(head, body) => (head, body),
        };
        // A body that comes too slowly is answered as any other.
        let whole = timeout(site.limits.head_timeout, self.fill(body.end)).await;
        let streams = matches!(whole, Ok(Ok(true)))
            && answer.streams(&head, Some(&self.first[body]), peer) == Some(true);
        Ok(if streams {
            Speaks::Stream
        } else {
            Speaks::Http1
        })
    }

    /// Reads until there are so many bytes; false if the other side closed before.
    async fn fill(&mut self, size: usize) -> io::Result<bool> {
        while self.first.len() < size {
            if self.stream.read_buf(&mut self.first).await? == 0 {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Reads the first head. What is no head, or none that may be, is told so by the HTTP library.
    async fn head<A: Answer>(&mut self, site: &Site, answer: &A, peer: &str) -> io::Result<Told> {
        let is_text = |byte: &u8| byte.is_ascii_graphic() || b"\r\n".contains(byte);
        let mut method = self.first.iter().take_while(|byte| **byte != b' ');
        if self.first.starts_with(b" ") || !method.all(is_text) {
            return Ok(Told::Speaks(Speaks::Http1));
        }
        let mut seen = 0;
        let (head, size) = loop {
            if may_end(&self.first, seen) {
                match head(&self.first, Of::Requests) {
                    Ok(Some(found)) => break found,
                    Ok(None) => {}
                    Err(_) => return Ok(Told::Speaks(Speaks::Http1)),
                }
            }
            seen = self.first.len();
            let has_more = seen <= site.limits.head;
            if !has_more || self.stream.read_buf(&mut self.first).await? == 0 {
                return Ok(Told::Speaks(Speaks::Http1));
            }
        };
        let speaks = match (answer.streams(&head, None, peer), extent(&head)) {
            (Some(true), _) => Speaks::Stream,
            (None, Ok(Extent::Bytes(length @ ..=SEEN))) => {
                let length = usize::try_from(length).unwrap_or_default();
                return Ok(Told::Body(head, size..size + length));
            }
            _ => Speaks::Http1,
        };
        Ok(Told::Speaks(speaks))
    }
}

/// What is known once the first head is there.
enum Told {
    Speaks(Speaks),
    /// The body tells, which stands there.
    Body(Head, Range<usize>),
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
