//! Bytes in and out of one connection: frames off a buffer that is read into, batches that are written.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::Broken;
use super::frame::{Frame, HEADER, take};

/// How much is read at once at first; it grows to hold the longest frame.
const READ: usize = 32 << 10;

/// The longest frame.
const FRAME: usize = HEADER + 0xffff;

/// What was read and not taken yet.
#[derive(Debug, Default)]
pub(super) struct Input {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
}

impl Input {
    /// The frame at the front, and how long it is; `None` if it is not whole.
    pub(super) fn frame(&self) -> Result<Option<(Frame<'_>, usize)>, Broken> {
        take(&self.bytes[self.start..self.end])
    }

    /// True if a frame has begun to come.
    pub(super) fn is_partial(&self) -> bool {
        self.start < self.end
    }

    /// Takes away a frame of that length.
    pub(super) fn used(&mut self, length: usize) {
        self.start += length;
    }

    /// Where more can be read into.
    fn room(&mut self) -> &mut [u8] {
        if self.start == self.end {
            self.start = 0;
            self.end = 0;
        }
        if self.bytes.len() - self.end < READ / 2 {
            self.bytes.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
            if self.bytes.len() - self.end < READ / 2 {
                // It is new, or one frame fills it: the longest fits then.
                let larger = if self.bytes.is_empty() {
                    READ
                } else {
                    FRAME + READ
                };
                self.bytes.resize(larger, 0);
            }
        }
        &mut self.bytes[self.end..]
    }
}

/// One connection.
#[derive(Debug)]
pub(super) struct Pipe<S> {
    io: S,
    pub(super) input: Input,
    batch: Vec<u8>,
    /// How much of `batch` is written.
    written: usize,
    /// How many bytes the system took so far.
    pub(super) sent: u64,
    /// How many it gave.
    pub(super) received: u64,
    is_flushed: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Pipe<S> {
    pub(super) fn new(io: S) -> Self {
        Self {
            io,
            input: Input::default(),
            batch: Vec::new(),
            written: 0,
            sent: 0,
            received: 0,
            is_flushed: true,
        }
    }

    /// Reads what is there into `input`; false at the end.
    pub(super) fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        let mut buffer = ReadBuf::new(self.input.room());
        ready!(Pin::new(&mut self.io).poll_read(cx, &mut buffer))?;
        let read = buffer.filled().len();
        self.input.end += read;
        self.received += read as u64;
        Poll::Ready(Ok(read > 0))
    }

    /// Writes what `fill` gives until it gives nothing more; true if something was written.
    pub(super) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        mut fill: impl FnMut(&mut Vec<u8>),
    ) -> Poll<io::Result<bool>> {
        let mut wrote = false;
        loop {
            if self.written == self.batch.len() {
                self.batch.clear();
                self.written = 0;
                fill(&mut self.batch);
                if self.batch.is_empty() {
                    break;
                }
            }
            let rest = &self.batch[self.written..];
            match Pin::new(&mut self.io).poll_write(cx, rest)? {
                Poll::Ready(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(length) => {
                    self.written += length;
                    self.sent += length as u64;
                    self.is_flushed = false;
                    wrote = true;
                }
                Poll::Pending if wrote => return Poll::Ready(Ok(true)),
                Poll::Pending => return Poll::Pending,
            }
        }
        if !self.is_flushed {
            // TLS may hold something back; a socket does not.
            self.is_flushed = Pin::new(&mut self.io).poll_flush(cx)?.is_ready();
        }
        Poll::Ready(Ok(wrote))
    }

    /// True if a batch is only partly written.
    pub(super) fn is_writing(&self) -> bool {
        self.written < self.batch.len()
    }

    pub(super) fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
