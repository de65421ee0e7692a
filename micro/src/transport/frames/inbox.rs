//! The messages of one stream that have come and are not read yet.
//!
//! Filled by the connection, read by the handler or by the caller; both hold it, and only one reads.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use futures_util::Stream;
use futures_util::task::AtomicWaker;

use super::ID;
use crate::error::{Error, Result};

/// What readers ask of the connection: room given back, and streams that are read no more.
#[derive(Debug, Default)]
pub(super) struct Wishes {
    list: Mutex<Vec<Wish>>,
    /// Of the task that drives the connection.
    pub(super) waker: AtomicWaker,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// So many bytes of the call's messages have been read.
    Credit(u32, u32),
    /// Nobody reads the call's messages any more.
    Leave(u32),
}

impl Wishes {
    fn add(&self, wish: Wish) {
        lock(&self.list).push(wish);
        self.waker.wake();
    }

    /// What was asked since the last time.
    pub(super) fn take(&self) -> Vec<Wish> {
        std::mem::take(&mut *lock(&self.list))
    }
}

/// A list or queue is whole after any panic: each change is one call.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The end that the connection fills.
#[derive(Debug)]
pub(super) struct Inbox(Arc<Mutex<Queue>>);

#[derive(Debug, Default)]
struct Queue {
    messages: VecDeque<Bytes>,
    /// How the stream ended: with an error, or cleanly.
    ended: Option<Option<Error>>,
    reader: Option<Waker>,
    is_left: bool,
}

/// The end that is read. Dropping it before its end tells the connection.
#[derive(Debug)]
pub(super) struct Messages {
    queue: Arc<Mutex<Queue>>,
    wishes: Arc<Wishes>,
    call: u32,
    /// How much is read before the sender is told that there is room again.
    enough: u32,
    read: u32,
    is_over: bool,
}

/// The two ends of the stream of `call` of a connection with a window of `window` bytes for each.
pub(super) fn inbox(call: u32, window: u32, wishes: &Arc<Wishes>) -> (Inbox, Messages) {
    let queue = Arc::default();
    let messages = Messages {
        queue: Arc::clone(&queue),
        wishes: Arc::clone(wishes),
        call,
        enough: (window / 2).max(1),
        read: 0,
        is_over: false,
    };
    (Inbox(queue), messages)
}

impl Inbox {
    pub(super) fn push(&self, message: Bytes) {
        let mut queue = lock(&self.0);
        if !queue.is_left {
            queue.messages.push_back(message);
        }
        let reader = queue.reader.take();
        drop(queue);
        if let Some(reader) = reader {
            reader.wake();
        }
    }

    /// Ends it behind what has come; only the first end counts.
    pub(super) fn end(&self, how: Option<Error>) {
        let mut queue = lock(&self.0);
        queue.ended.get_or_insert(how);
        let reader = queue.reader.take();
        drop(queue);
        if let Some(reader) = reader {
            reader.wake();
        }
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        // Whoever still reads must not wait for ever.
        self.end(Some(Error::cancelled(
            ID,
            "the other side left the stream before its end",
        )));
    }
}

impl Stream for Messages {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        let this = &mut *self;
        if this.is_over {
            return Poll::Ready(None);
        }
        let mut queue = lock(&this.queue);
        if let Some(message) = queue.messages.pop_front() {
            drop(queue);
            this.give_back(&message);
            return Poll::Ready(Some(Ok(message)));
        }
        if let Some(how) = &mut queue.ended {
            let how = how.take();
            drop(queue);
            this.is_over = true;
            return Poll::Ready(how.map(Err));
        }
        match &mut queue.reader {
            Some(reader) if reader.will_wake(cx.waker()) => {}
            reader => *reader = Some(cx.waker().clone()),
        }
        Poll::Pending
    }
}

impl Messages {
    fn give_back(&mut self, message: &Bytes) {
        self.read += cost(message.len());
        if self.read >= self.enough {
            self.wishes
                .add(Wish::Credit(self.call, std::mem::take(&mut self.read)));
        }
    }
}

/// What a message counts against its stream's window: an empty one takes room, too.
pub(super) fn cost(length: usize) -> u32 {
    u32::try_from(length)
        .unwrap_or(u32::MAX)
        .saturating_add(super::frame::HEADER as u32)
}

impl Drop for Messages {
    fn drop(&mut self) {
        let mut queue = lock(&self.queue);
        queue.is_left = true;
        queue.messages.clear();
        let has_ended = self.is_over || queue.ended.is_some();
        drop(queue);
        if !has_ended {
            self.wishes.add(Wish::Leave(self.call));
        }
    }
}
