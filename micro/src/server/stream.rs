//! Streams of replies: a handler's stream runs inside the handler's own future, so that it may borrow from the
//! service, and hands out one item at a time, so that nothing is made before it is asked for.

use std::fmt;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::{Stream, StreamExt};

use crate::codec::Format;
use crate::error::{Error, Outcome, Result};
use crate::message::{Body, ContentType, Response};

/// Hands the items of a handler's stream to the caller, one at a time.
pub struct Emitter<R>(Arc<Slot<R>>);

/// What the handler's future has to say to whoever polls it.
pub(super) struct Slot<R>(Mutex<Word<R>>);

enum Word<R> {
    Nothing,
    Opened,
    Item(R),
}

impl<R> Slot<R> {
    fn lock(&self) -> MutexGuard<'_, Word<R>> {
        // A word is whole after any panic: each change is one assignment.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self) -> Word<R> {
        std::mem::replace(&mut *self.lock(), Word::Nothing)
    }
}

impl<R> Emitter<R> {
    pub(super) fn new() -> (Self, Arc<Slot<R>>) {
        let slot = Arc::new(Slot(Mutex::new(Word::Nothing)));
        (Self(Arc::clone(&slot)), slot)
    }

    /// Emits what the handler opened: its error, or every item of its stream until the first that failed.
    ///
    /// # Errors
    ///
    /// The handler's, or that item's.
    pub fn drive<S, E>(
        self,
        opened: Result<S, E>,
    ) -> impl Future<Output = Result<()>> + use<R, S, E>
    where
        S: Stream,
        S::Item: Outcome<Value = R>,
        E: Into<Error>,
    {
        // Converted here and as items come, so that a handler's own error need not be `Send`.
        let opened = opened.map_err(Into::into);
        async move {
            let mut stream = pin!(opened?.map(|item| item.into_result().map_err(Into::into)));
            self.say(Word::Opened).await;
            while let Some(item) = stream.next().await {
                self.say(Word::Item(item?)).await;
            }
            Ok(())
        }
    }

    /// Leaves `word` in the slot and returns the turn to whoever polls, who comes back when it has been taken.
    async fn say(&self, word: Word<R>) {
        *self.0.lock() = word;
        std::future::poll_fn(|_| match *self.0.lock() {
            Word::Nothing => Poll::Ready(()),
            Word::Opened | Word::Item(_) => Poll::Pending,
        })
        .await;
    }
}

impl<R> fmt::Debug for Emitter<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Emitter")
    }
}

/// Runs `handler` until it has opened its stream; the body then runs it on, item by item.
pub(super) async fn generate<R: Send + 'static>(
    mut handler: BoxFuture<'static, Result<()>>,
    slot: Arc<Slot<R>>,
    format: Format<R>,
    content_type: ContentType,
) -> Result<Response> {
    let opened = std::future::poll_fn(|cx| match (handler.as_mut().poll(cx), slot.take()) {
        (Poll::Ready(ended), _) => Poll::Ready(ended.map(|()| false)),
        (Poll::Pending, Word::Opened) => Poll::Ready(Ok(true)),
        (Poll::Pending, _) => Poll::Pending,
    })
    .await?;
    let body = Items {
        handler: opened.then_some(handler),
        slot,
        format,
        content_type: content_type.clone(),
    };
    Ok(Response::new(content_type, Body::Stream(body.boxed())))
}

/// The encoded items of a handler's stream.
struct Items<R> {
    /// `None` once it has ended.
    handler: Option<BoxFuture<'static, Result<()>>>,
    slot: Arc<Slot<R>>,
    format: Format<R>,
    content_type: ContentType,
}

impl<R> Stream for Items<R> {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        let this = &mut *self;
        let Some(handler) = &mut this.handler else {
            return Poll::Ready(None);
        };
        let polled = handler.as_mut().poll(cx);
        if let Word::Item(item) = this.slot.take() {
            let encoded = this.format.encoded(&item, &this.content_type);
            if encoded.is_err() {
                this.handler = None;
            }
            return Poll::Ready(Some(encoded));
        }
        match polled {
            Poll::Pending => Poll::Pending,
            Poll::Ready(ended) => {
                this.handler = None;
                Poll::Ready(ended.err().map(Err))
            }
        }
    }
}
