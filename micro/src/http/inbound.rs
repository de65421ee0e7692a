//! Bodies that arrive: read whole and bounded, or piece by piece.

use std::future::poll_fn;
#[cfg(feature = "grpc")]
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use hyper::body::{Body as _, Frame, Incoming};

use super::pace::Pace;
use crate::error::Error;

/// The body of a message that is arriving.
pub(crate) struct Inbound {
    /// `None` once it was taken.
    incoming: Option<Incoming>,
    finished: bool,
    /// Of a body whose connection is watched.
    pace: Option<Arc<Pace>>,
}

/// Why a body could not be read.
pub(crate) enum Fault {
    /// It has, or would have, more bytes than allowed: the number that it declared, if it did.
    TooLarge(Option<u64>),
    /// It was told to give up.
    Stalled,
    /// The connection broke, or what came is not HTTP.
    Broken(hyper::Error),
}

impl Inbound {
    pub(crate) fn new(incoming: Incoming) -> Self {
        let finished = incoming.is_end_stream();
        Self {
            incoming: Some(incoming),
            finished,
            pace: None,
        }
    }

    /// The body of a call, which is given up when `pace` says so.
    pub(super) fn of_call(incoming: Incoming, pace: &Arc<Pace>) -> Self {
        Self {
            pace: Some(Arc::clone(pace)),
            ..Self::new(incoming)
        }
    }

    /// What is left of it, to be read while the reply is being sent.
    pub(crate) fn take(&mut self) -> Self {
        Self {
            incoming: self.incoming.take(),
            finished: std::mem::replace(&mut self.finished, true),
            pace: self.pace.clone(),
        }
    }

    /// True once all of it was read, so that the connection can carry another message.
    pub(super) fn is_finished(&self) -> bool {
        self.finished
    }

    /// Reads all of it, but refuses more than `limit` bytes: before the first if its length is declared.
    pub(crate) async fn read(&mut self, limit: usize) -> Result<Bytes, Fault> {
        let declared = self.declared();
        if declared.is_some_and(|length| length > limit as u64) {
            return Err(Fault::TooLarge(declared));
        }
        let Some(first) = self.next().await? else {
            return Ok(Bytes::new());
        };
        let mut whole = BytesMut::new();
        let mut size = first.len();
        while let Some(piece) = self.next().await? {
            if size == first.len() {
                // Only now: most bodies come in one piece, and what is declared may never come.
                let expected = declared.and_then(|length| usize::try_from(length).ok());
                whole.reserve(expected.unwrap_or(size + piece.len()));
                whole.extend_from_slice(&first);
            }
            size += piece.len();
            if size > limit {
                return Err(Fault::TooLarge(None));
            }
            whole.extend_from_slice(&piece);
        }
        match size > limit {
            true => Err(Fault::TooLarge(None)),
            false if whole.is_empty() => Ok(first),
            false => Ok(whole.freeze()),
        }
    }

    /// True if it is known to have no more than `limit` bytes.
    pub(super) fn is_within(&self, limit: usize) -> bool {
        self.declared().is_some_and(|length| length <= limit as u64)
    }

    /// Reads and forgets the rest, so that a peer that is still sending gets to read the answer; but no more
    /// than `limit` bytes, and nothing if there are more.
    pub(super) async fn discard(&mut self, limit: usize) {
        let declared = self.declared();
        if declared.is_some_and(|length| length > limit as u64) {
            return;
        }
        let mut left = limit;
        while let Ok(Some(piece)) = self.next().await {
            match left.checked_sub(piece.len()) {
                Some(less) => left = less,
                None => return,
            }
        }
    }

    /// Reads up to `limit` bytes of what there is, for people to read.
    pub(crate) async fn start(&mut self, limit: usize) -> String {
        let mut text = Vec::new();
        while let Ok(Some(piece)) = self.next().await {
            text.extend_from_slice(&piece[..piece.len().min(limit - text.len())]);
            if text.len() == limit {
                break;
            }
        }
        String::from_utf8_lossy(&text).into_owned()
    }

    /// Its length, if that is known before it has come.
    fn declared(&self) -> Option<u64> {
        self.incoming.as_ref()?.size_hint().exact()
    }

    /// The next piece, which is not empty; `None` at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, Fault> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// As [`next`](Self::next).
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, Fault>> {
        let Some(incoming) = &mut self.incoming else {
            return Poll::Ready(Ok(None));
        };
        let pace = self.pace.as_deref();
        while !self.finished {
            let frame = match Pin::new(&mut *incoming).poll_frame(cx) {
                Poll::Pending if pace.is_some_and(Pace::is_stalled) => {
                    return Poll::Ready(Err(Fault::Stalled));
                }
                polled => ready!(polled),
            };
            // An end that is known now saves a wait for the word of it.
            self.finished = frame.is_none() || incoming.is_end_stream();
            match frame.map(|frame| frame.map(Frame::into_data)) {
                Some(Ok(Ok(piece))) if !piece.is_empty() => {
                    if let Some(pace) = pace {
                        pace.read(piece.len());
                    }
                    return Poll::Ready(Ok(Some(piece)));
                }
                Some(Err(error)) => return Poll::Ready(Err(Fault::Broken(error))),
                // Trailers say nothing here.
                _ => {}
            }
        }
        Poll::Ready(Ok(None))
    }
}

/// Piece by piece, for who reads it while the reply is being sent.
#[cfg(feature = "grpc")]
impl hyper::body::Body for Inbound {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let next = ready!(self.poll_next(cx));
        let failed = |fault| match fault {
            Fault::Broken(source) => io::Error::other(source),
            _ => io::ErrorKind::TimedOut.into(),
        };
        Poll::Ready(
            next.map(|piece| piece.map(Frame::data))
                .map_err(failed)
                .transpose(),
        )
    }
}

/// The error of `id` for `whose` message of `size` bytes, or of unknown size.
pub(crate) fn too_large(id: &'static str, whose: &str, size: Option<u64>, limit: usize) -> Error {
    let size = size.map_or_else(
        || "more bytes than allowed".to_owned(),
        |size| format!("{size} bytes"),
    );
    Error::too_large(
        id,
        format!(
            "{whose} has {size}, over the limit of {limit} bytes: send less, or raise max_message at both ends"
        ),
    )
}
