//! From a connection to messages, in time.

use std::io;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::time::{Instant, timeout_at};

use super::decoder::Decoder;
use super::{ID, Of, Whole};
use crate::error::{Error, Result};
use crate::limits::Limits;

/// How many bytes are read at once, at least.
const ROOM: usize = 4 << 10;

/// Reads messages off one half of a connection.
pub(crate) struct Reader<S> {
    stream: S,
    buffer: BytesMut,
    decoder: Decoder,
    /// Since when a message is arriving, and how many of its bytes have.
    arriving: Option<(Instant, usize)>,
    head_timeout: Duration,
    rate: usize,
}

impl<S: AsyncRead + Unpin> Reader<S> {
    pub(crate) fn new(stream: S, of: Of, limits: &Limits) -> Self {
        Self {
            stream,
            buffer: BytesMut::new(),
            decoder: Decoder::new(of, limits),
            arriving: None,
            head_timeout: limits.head_timeout,
            rate: limits.body_rate,
        }
    }

    /// The next message; `None` if the other side closed between two. It may be waited for again after it was dropped.
    ///
    /// # Errors
    ///
    /// `bad_request` if what comes is no message, 413 and 431 if it is too large, `timeout` if it comes too slowly,
    /// `unavailable` if the connection broke.
    pub(crate) async fn next(&mut self) -> Result<Option<Whole>> {
        loop {
            if let Some(message) = self.decoder.advance(&mut self.buffer)? {
                self.arriving = None;
                return Ok(Some(message));
            }
            let has_begun = !self.buffer.is_empty() || !self.decoder.is_between();
            self.buffer.reserve(ROOM);
            let read = self.stream.read_buf(&mut self.buffer);
            let count = match has_begun {
                // Between messages a stream may pause for any time.
                false => read.await,
                true => {
                    let now = Instant::now();
                    let (since, size) = *self.arriving.get_or_insert((now, 0));
                    let allowed = allowed(self.head_timeout, self.rate, size);
                    match timeout_at(since + allowed, read).await {
                        Ok(read) => read,
                        Err(_) => return Err(too_slow(allowed)),
                    }
                }
            };
            match count {
                Ok(0) if has_begun => return Err(broken(io::ErrorKind::UnexpectedEof.into())),
                Ok(0) => return Ok(None),
                Ok(count) => {
                    self.arriving.get_or_insert((Instant::now(), 0)).1 += count;
                }
                Err(error) => return Err(broken(error)),
            }
        }
    }

    /// What is read from.
    pub(crate) fn into_inner(self) -> S {
        self.stream
    }
}

/// How long `size` bytes may take to come, or to be taken.
pub(crate) fn allowed(head_timeout: Duration, rate: usize, size: usize) -> Duration {
    // Longer than a connection lives, and no more than a clock can add.
    const MOST: Duration = Duration::from_secs(30 * 365 * 24 * 3600);
    let earned = Duration::from_secs((size / rate.max(1)) as u64);
    head_timeout.saturating_add(earned).min(MOST)
}

fn too_slow(allowed: Duration) -> Error {
    let detail = format!(
        "a message of the stream was not whole within {allowed:?}: see head_timeout and body_rate"
    );
    Error::timeout(ID, detail)
}

fn broken(source: io::Error) -> Error {
    Error::unavailable(ID, "the connection broke within a message of the stream")
        .with_source(source)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::{AsyncWriteExt as _, duplex};
    use tokio::time::Instant;

    use super::{Of, Reader};
    use crate::limits::Limits;

    const MESSAGE: &[u8] = b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\nab";

    #[tokio::test(start_paused = true)]
    async fn a_stream_may_pause_between_messages_for_any_time() {
        let (mut near, far) = duplex(1024);
        let mut reader = Reader::new(far, Of::Requests, &Limits::default());
        let late = async {
            tokio::time::sleep(Duration::from_secs(1 << 30)).await;
            near.write_all(MESSAGE).await.unwrap();
        };

        let (message, ()) = tokio::join!(reader.next(), late);

        assert_eq!(message.unwrap().unwrap().body, "ab");
    }

    #[tokio::test(start_paused = true)]
    async fn a_message_that_has_begun_must_come_in_time() {
        let (mut near, far) = duplex(1024);
        let limits = Limits::default();
        let mut reader = Reader::new(far, Of::Requests, &limits);
        near.write_all(&MESSAGE[..20]).await.unwrap();
        let begun = Instant::now();

        let error = reader.next().await.unwrap_err();

        assert_eq!(
            (error.code(), begun.elapsed().as_secs()),
            (408, limits.head_timeout.as_secs())
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_that_was_dropped_gives_a_message_no_more_time() {
        let (mut near, far) = duplex(1024);
        let limits = Limits::default();
        let mut reader = Reader::new(far, Of::Requests, &limits);
        near.write_all(&MESSAGE[..20]).await.unwrap();
        let begun = Instant::now();
        for _ in 0..3 {
            let most = limits.head_timeout / 4;
            assert!(tokio::time::timeout(most, reader.next()).await.is_err());
        }

        assert!(reader.next().await.is_err());

        assert_eq!(begun.elapsed().as_secs(), limits.head_timeout.as_secs());
    }

    #[tokio::test]
    async fn an_end_between_messages_is_one_and_within_a_message_is_none() {
        let limits = Limits::default();
        let (mut near, far) = duplex(1024);
        near.write_all(MESSAGE).await.unwrap();
        near.write_all(&MESSAGE[..30]).await.unwrap();
        drop(near);
        let mut reader = Reader::new(far, Of::Requests, &limits);

        assert!(reader.next().await.unwrap().is_some());
        assert_eq!(reader.next().await.unwrap_err().code(), 503);
        let (near, far) = duplex(1024);
        drop(near);
        assert!(
            Reader::new(far, Of::Requests, &limits)
                .next()
                .await
                .unwrap()
                .is_none()
        );
    }
}
