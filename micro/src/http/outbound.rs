//! Bodies that are sent: whole, or in pieces as they come.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::stream::BoxStream;
use hyper::body::{Body, Frame, SizeHint};

use super::pace::Pace;

/// The body of a message that is sent.
pub(crate) enum Outbound {
    /// All of it; `None` once it is handed over, or if it is empty.
    Whole(Option<Bytes>),
    /// Data, then perhaps trailers. An `Err` breaks the message off.
    Pieces(Pieces),
}

/// A body that comes in pieces, and how long it takes.
pub(crate) struct Pieces {
    stream: BoxStream<'static, io::Result<Frame<Bytes>>>,
    ending: Option<Ending>,
}

impl Outbound {
    /// A body of these pieces.
    pub(crate) fn pieces(stream: BoxStream<'static, io::Result<Frame<Bytes>>>) -> Self {
        Self::Pieces(Pieces {
            stream,
            ending: None,
        })
    }

    /// The same; `pace` is told when the last piece has been handed over, or the rest is not wanted.
    pub(super) fn noted(mut self, pace: &Arc<Pace>) -> Self {
        match &mut self {
            Self::Whole(_) => pace.begin_reply(),
            Self::Pieces(pieces) => {
                pace.begin_stream();
                pieces.ending = Some(Ending(Arc::clone(pace)));
            }
        }
        self
    }
}

impl From<Bytes> for Outbound {
    fn from(bytes: Bytes) -> Self {
        Self::Whole(Some(bytes).filter(|bytes| !bytes.is_empty()))
    }
}

impl Body for Outbound {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match self.get_mut() {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Pieces(pieces) => pieces.stream.as_mut().poll_next(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
            }
            Self::Pieces(_) => SizeHint::default(),
        }
    }
}

/// Says that a body has ended.
struct Ending(Arc<Pace>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.begin_reply();
    }
}
