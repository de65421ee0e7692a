//! A reply on a connection that calls share, and whether its caller takes it, which `pace` is told.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

use super::Outbound;
use super::pace::Pace;

/// How much of a reply is handed over at once: what is handed over is not waited for.
const PIECE: usize = 16 << 10;

/// The body of a reply. It is only asked for more when the caller has room: until then the caller is waited for.
pub(super) struct Owed {
    body: Outbound,
    pace: Arc<Pace>,
}

impl Owed {
    pub(super) fn new(body: Outbound, pace: Arc<Pace>) -> Self {
        pace.written();
        Self { body, pace }
    }
}

impl Body for Owed {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let this = &mut *self;
        let next = match &mut this.body {
            Outbound::Whole(Some(rest)) if rest.len() > PIECE => {
                Poll::Ready(Some(Ok(Frame::data(rest.split_to(PIECE)))))
            }
            body => Pin::new(body).poll_frame(cx),
        };
        match &next {
            Poll::Pending => this.pace.flushed(),
            Poll::Ready(frame) => {
                let data = frame.as_ref().and_then(|frame| frame.as_ref().ok());
                let data = data.and_then(Frame::data_ref);
                this.pace.moved(data.map_or(0, Bytes::len));
                this.pace.written();
            }
        }
        next
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
