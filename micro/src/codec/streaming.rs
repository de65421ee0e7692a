//! Streams of typed messages, decoded as they are read.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::stream::{self, BoxStream};
use futures_util::{Stream, StreamExt};

use super::Format;
use crate::error::{Error, Result};
use crate::message::{Body, ContentType};

/// Messages of type `T` from the other side, in order.
///
/// It ends with `None` if the other side closed it cleanly, and otherwise with one `Err` that says how. Reading
/// is what makes room for more: the sender waits while nobody reads. Dropping it cancels the stream.
///
/// ```
/// use micro::prelude::*;
///
/// async fn total(mut numbers: Streaming<Plain<i64>>) -> micro::Result<i64> {
///     let mut total = 0;
///     while let Some(number) = numbers.next().await {
///         total += number?.0;
///     }
///     Ok(total)
/// }
/// ```
pub struct Streaming<T> {
    messages: BoxStream<'static, Result<Bytes>>,
    content_type: ContentType,
    format: Format<T>,
    /// What is made of the error that it ends with.
    seen: fn(Error) -> Error,
    ended: bool,
}

impl<T> Streaming<T> {
    /// The messages of `body`, each encoded as `content_type`.
    pub(crate) fn new(body: Body, content_type: ContentType, format: Format<T>) -> Self {
        Self {
            messages: body.into_stream(),
            content_type,
            format,
            seen: |error| error,
            ended: false,
        }
    }

    /// This, whose error is what `seen` makes of it.
    pub(crate) fn with_errors(mut self, seen: fn(Error) -> Error) -> Self {
        self.seen = seen;
        self
    }
}

impl<T> Stream for Streaming<T> {
    type Item = Result<T>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<T>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let next = ready!(self.messages.poll_next_unpin(cx));
        let next = next.map(|message| {
            let read = message.and_then(|bytes| self.format.decode(&self.content_type, &bytes));
            read.map_err(self.seen)
        });
        if !matches!(next, Some(Ok(_))) {
            self.ended = true;
            // Dropped now, so that the other side learns of an error at this end at once.
            self.messages = stream::empty().boxed();
        }
        Poll::Ready(next)
    }
}

impl<T> fmt::Debug for Streaming<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Streaming")
            .field("content_type", &self.content_type)
            .finish_non_exhaustive()
    }
}
