//! What callers hold of a connection: the future of an answer, and the outgoing half of a stream.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::Sink;

use super::super::ID;
use super::super::frame::{EMPTY, END, Kind};
use super::super::head::fits;
use super::super::inbox::cost;
use super::{Connection, State};
use crate::error::{Error, Result};
use crate::message::{Request, Response};
use crate::wire::failure_text;

impl Connection {
    /// Begins a call, and takes its body; without one its messages follow. Pending while too much waits to be written.
    ///
    /// # Errors
    ///
    /// Marked as never reached: the connection takes no more calls, or the call does not fit.
    pub(in super::super) fn begin(
        self: &Arc<Self>,
        request: &mut Request,
        body: &mut Option<Bytes>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Calling>> {
        if let Some(body) = body {
            self.check(body.len())?;
        }
        if !fits(
            &request.metadata,
            request.service.len() + request.endpoint.len(),
        ) {
            let detail = "the metadata of the call does not fit in a frame of 48 KiB";
            return Poll::Ready(Err(Error::too_large(ID, detail).never_reached()));
        }
        let mut state = self.state();
        if state.closed.is_some() || state.going.is_some() {
            let detail = format!("the connection to {} takes no more calls", self.address);
            return Poll::Ready(Err(Error::unavailable(ID, detail).never_reached()));
        }
        if state.outbox.is_full() {
            state.blocked.push(cx.waker().clone());
            return Poll::Pending;
        }
        let (room, credit) = (i64::from(state.ours.stream), i64::from(self.theirs.stream));
        let id = state.begin(request, body.take(), room, credit);
        drop(state);
        self.wishes.waker.wake();
        Poll::Ready(Ok(Calling {
            connection: Some(Arc::clone(self)),
            id,
        }))
    }

    fn check(&self, length: usize) -> Result<()> {
        if length > self.theirs.message as usize {
            let detail = format!(
                "a message of {length} bytes is over the limit of {}, which is {} (--max_message there)",
                self.address, self.theirs.message
            );
            return Err(Error::too_large(ID, detail).never_reached());
        }
        Ok(())
    }

    /// The outgoing half of the stream of a call that began without a body.
    pub(in super::super) fn writer(self: &Arc<Self>, calling: &Calling) -> Writer {
        Writer {
            connection: Arc::clone(self),
            id: calling.id,
            is_ended: false,
        }
    }
}

/// Waits for the answer of a call. Dropping it before cancels the call.
#[derive(Debug)]
pub(in super::super) struct Calling {
    /// `None` once it has the answer.
    connection: Option<Arc<Connection>>,
    id: u32,
}

impl Future for Calling {
    type Output = Result<Response>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<Response>> {
        let Some(connection) = &self.connection else {
            return Poll::Pending;
        };
        let answer = connection.state().answer(self.id, cx.waker());
        match answer {
            Some(answer) => {
                self.connection = None;
                Poll::Ready(answer)
            }
            None => Poll::Pending,
        }
    }
}

impl Drop for Calling {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            connection.state().leave(self.id);
            connection.wishes.waker.wake();
        }
    }
}

/// The outgoing half of a stream.
#[derive(Debug)]
pub(in super::super) struct Writer {
    connection: Arc<Connection>,
    id: u32,
    is_ended: bool,
}

impl Writer {
    /// Ready when there is room for another frame of this stream, credit for a message or not.
    fn poll_room(&self, cx: &mut Context<'_>, needs_credit: bool) -> Poll<Result<()>> {
        let gone = || Error::unavailable(ID, "the far end has left the stream");
        let mut guard = self.connection.state();
        let State {
            calls,
            outbox,
            blocked,
            closed,
            ..
        } = &mut *guard;
        let exchange = calls
            .get_mut(&self.id)
            .filter(|exchange| !exchange.sent_end);
        let Some(exchange) = exchange.filter(|_| closed.is_none()) else {
            return Poll::Ready(Err(gone()));
        };
        if needs_credit && exchange.credit <= 0 {
            exchange.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        if outbox.is_full() || outbox.is_sending(self.id) {
            blocked.push(cx.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }

    /// Ends the half by a frame.
    fn end(&mut self, kind: Kind, flags: u8, payload: &[u8]) {
        let mut state = self.connection.state();
        self.is_ended = true;
        if let Some(exchange) = state
            .calls
            .get_mut(&self.id)
            .filter(|exchange| !exchange.sent_end)
        {
            exchange.sent_end = true;
            // What was dropped while a message was on its way: the rest of it must not follow the end.
            state.outbox.forget(self.id);
            state.outbox.control(kind, flags, self.id, payload);
        }
        drop(state);
        self.connection.wishes.waker.wake();
    }
}

impl Sink<Result<Bytes>> for Writer {
    type Error = Error;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        self.poll_room(cx, true)
    }

    fn start_send(mut self: Pin<&mut Self>, item: Result<Bytes>) -> Result<()> {
        let message = match item {
            Ok(message) => message,
            Err(error) => {
                self.end(Kind::Fail, END, failure_text(&error).as_bytes());
                return Ok(());
            }
        };
        if let Err(error) = self.connection.check(message.len()) {
            self.end(Kind::Fail, END, failure_text(&error).as_bytes());
            return Err(error);
        }
        let mut state = self.connection.state();
        if let Some(exchange) = state
            .calls
            .get_mut(&self.id)
            .filter(|exchange| !exchange.sent_end)
        {
            exchange.credit -= i64::from(cost(message.len()));
            state
                .outbox
                .message(Kind::Data, self.id, |_| {}, message, false);
        }
        Ok(())
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<()>> {
        // The task writes it; nothing is gained by waiting.
        self.connection.wishes.waker.wake();
        Poll::Ready(Ok(()))
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        if self.is_ended {
            return Poll::Ready(Ok(()));
        }
        std::task::ready!(self.poll_room(cx, false))?;
        self.end(Kind::Data, END | EMPTY, &[]);
        Poll::Ready(Ok(()))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if !self.is_ended {
            let error = Error::cancelled(ID, "the caller left the stream before its end");
            self.end(Kind::Fail, END, failure_text(&error).as_bytes());
        }
    }
}
