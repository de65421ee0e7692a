//! What each frame from a caller does to its call, and what becomes of a handler's answer.

use std::task::Poll;
use std::time::Instant;

use bytes::Bytes;
use futures_util::future::{BoxFuture, abortable};
use futures_util::{FutureExt, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite};

use super::super::assembly::Piece;
use super::super::frame::{EMPTY, END, Frame, Kind};
use super::super::head::read_call;
use super::super::inbox::{cost, inbox};
use super::super::{Broken, ID};
use super::answers::once;
use super::{Abort, Call, Connection, Done, IN_PLACE, Step, Waiting};
use crate::error::{Error, Result};
use crate::message::{Body, Request, Response};

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// Does what a frame says.
    pub(super) fn take(&mut self, frame: &Frame<'_>) -> Result<(), Broken> {
        match frame.kind {
            Kind::Call => self.begin(frame),
            Kind::Data => self.data(frame),
            Kind::Fail => self.failed(frame),
            Kind::Cancel => {
                self.cancel(frame.call);
                Ok(())
            }
            Kind::Credit => {
                self.add_credit(frame.call, frame.credit()?);
                Ok(())
            }
            Kind::Ping => {
                self.outbox.control(Kind::Pong, 0, 0, frame.payload);
                Ok(())
            }
            Kind::Pong => Ok(()),
            Kind::Define => self.endpoints.define(frame.payload),
            Kind::Reply | Kind::GoAway => Err(Broken("a caller sent what only a server sends")),
        }
    }

    fn begin(&mut self, frame: &Frame<'_>) -> Result<(), Broken> {
        let id = frame.call;
        let (head, body) = read_call(frame.payload)?;
        let (service, endpoint) = self.endpoints.resolve(&head.endpoint)?;
        if id == 0 || self.calls.contains_key(&id) {
            return Err(Broken("a call has the number of another"));
        }
        self.watch.used();
        let mut request = Request::new(service, endpoint);
        request.content_type = head.content_type;
        request.accept = head.accept;
        request.metadata = head.metadata;
        request.deadline = head.left.and_then(|left| self.read_at.checked_add(left));
        request.peer = Some(self.peer.clone());
        if self.calls.len() >= self.limits.calls.saturating_mul(2).max(64) {
            return Err(Broken("far more calls came than are taken"));
        }
        let is_stream = frame.has(EMPTY);
        self.calls.insert(id, self.call(is_stream));
        self.streams += usize::from(is_stream);
        // Refused ones, too: who sent them counts them.
        self.taken += u64::from(!self.is_going);
        if let Some(refusal) = self.refusal(is_stream) {
            self.fail(id, &refusal);
        }
        if is_stream {
            self.open(id, request, None, frame.has(END));
            return Ok(());
        }
        let piece = self.window.first(frame, body, self.limits.message)?;
        if let Some(call) = self.calls.get_mut(&id) {
            call.opening = Some(request);
        }
        self.piece(id, piece, frame.has(END))
    }

    fn call(&self, is_stream: bool) -> Call {
        Call {
            is_stream,
            abort: None,
            opening: None,
            waits: None,
            partial: None,
            inbox: None,
            room: i64::from(self.ours.stream),
            credit: i64::from(self.theirs.stream),
            waiting: None,
            got_end: false,
            sent_end: false,
        }
    }

    /// Why no call is taken now.
    fn refusal(&self, is_stream: bool) -> Option<Error> {
        let refusal = if self.is_going {
            Error::unavailable(ID, "the server is stopping: call another node")
        } else if self.calls.len() > self.limits.calls {
            let detail = format!(
                "{} calls are in flight on this connection: no more are taken (--max_calls)",
                self.limits.calls
            );
            Error::too_many_requests(ID, detail)
        } else if is_stream && self.streams > self.limits.streams {
            let detail = format!(
                "{} streams are open on this connection: no more are taken (--max_streams)",
                self.limits.streams
            );
            Error::too_many_requests(ID, detail)
        } else {
            return None;
        };
        Some(refusal.never_reached())
    }

    fn data(&mut self, frame: &Frame<'_>) -> Result<(), Broken> {
        let id = frame.call;
        let limit = self.limits.message;
        let call = self
            .calls
            .get_mut(&id)
            .ok_or(Broken("a message belongs to no call"))?;
        if call.got_end {
            return Err(Broken("a message came after the end"));
        }
        if frame.has(EMPTY) {
            self.ended(id, None);
            return Ok(());
        }
        let piece = match call.partial.take() {
            Some(partial) => self.window.next(partial, frame)?,
            None if call.room <= 0 => {
                return Err(Broken("a message came for which there is no room"));
            }
            None => self.window.first(frame, frame.payload, limit)?,
        };
        self.piece(id, piece, frame.has(END))
    }

    /// Takes in what a frame made of a message.
    fn piece(&mut self, id: u32, piece: Piece, is_last: bool) -> Result<(), Broken> {
        let Some(call) = self.calls.get_mut(&id) else {
            return Ok(());
        };
        let (message, room) = match piece {
            Piece::Part(_) if is_last => return Err(Broken("a message ends before it is whole")),
            Piece::Part(partial) => {
                call.partial = Some(partial);
                return Ok(());
            }
            Piece::Whole(message, room) => (Ok(message), room),
            Piece::TooLong(room) => (Err(self.too_long()), room),
        };
        self.message(id, message, is_last);
        // Who sends more than is answered waits, so that what is begun is bounded.
        match self.calls.get_mut(&id).and_then(|call| call.waits.as_mut()) {
            Some(waits) => waits.room = room,
            None => self.window.give_back(room, &mut self.outbox),
        }
        Ok(())
    }

    fn too_long(&self) -> Error {
        let limit = self.limits.message;
        Error::too_large(
            ID,
            format!("a message is over the limit of {limit} bytes (--max_message)"),
        )
    }

    fn message(&mut self, id: u32, message: Result<Bytes>, is_last: bool) {
        let Some(call) = self.calls.get_mut(&id) else {
            return;
        };
        match (call.opening.take(), message) {
            (Some(request), Ok(message)) => return self.open(id, request, Some(message), is_last),
            (Some(_), Err(error)) => self.fail(id, &error.never_reached()),
            (None, Ok(message)) => {
                call.room -= i64::from(cost(message.len()));
                if let Some(inbox) = &call.inbox {
                    inbox.push(message);
                }
            }
            (None, Err(error)) => {
                if let Some(inbox) = &call.inbox {
                    inbox.end(Some(error));
                }
            }
        }
        if is_last {
            self.ended(id, None);
        }
    }

    /// Begins a call whose request is there, or whose stream is.
    fn open(&mut self, id: u32, mut request: Request, message: Option<Bytes>, is_last: bool) {
        let Some(call) = self.calls.get_mut(&id) else {
            return;
        };
        call.got_end = is_last;
        if call.sent_end {
            // It was refused.
            return self.finish(id);
        }
        request.body = match message {
            Some(message) if is_last => Body::Bytes(message),
            first => {
                let (inbox, messages) = inbox(id, self.ours.stream, &self.wishes);
                if let Some(message) = first {
                    call.room -= i64::from(cost(message.len()));
                    inbox.push(message);
                }
                if is_last {
                    inbox.end(None);
                } else {
                    call.inbox = Some(inbox);
                }
                Body::Stream(messages.boxed())
            }
        };
        if self.queue.is_empty() && !self.outbox.is_laden() {
            let answer = self.accept.call(request);
            return self.start(id, answer);
        }
        call.waits = Some(Waiting { request, room: 0 });
        self.queue.push_back(id);
    }

    /// Begins calls that waited for answers to be read; true if there was one.
    pub(super) fn dequeue(&mut self) -> bool {
        let began = Instant::now();
        let mut is_any = false;
        while !self.outbox.is_laden()
            && let Some(id) = self.queue.pop_front()
        {
            // It may have been cancelled.
            let waits = self.calls.get_mut(&id).and_then(|call| call.waits.take());
            if let Some(Waiting { request, room }) = waits {
                self.window.give_back(room, &mut self.outbox);
                let answer = self.accept.call(request);
                self.start(id, answer);
            }
            is_any = true;
            self.is_late |= began.elapsed() > IN_PLACE;
        }
        is_any
    }

    /// Polls a handler in place, once; what waits goes on among the steps, or elsewhere.
    fn start(&mut self, id: u32, mut answer: BoxFuture<'static, Result<Response>>) {
        if !self.is_late
            && let Poll::Ready(answer) = once(&mut answer)
        {
            return self.answered(id, answer);
        }
        let step = async move { (id, Done::Answer(answer.await)) };
        if self.is_late {
            let task = self.elsewhere.spawn(step);
            self.remember(id, Abort::Elsewhere(task));
        } else {
            self.later(id, step.boxed());
        }
    }

    pub(super) fn later(&mut self, id: u32, step: Step) {
        let (step, handle) = abortable(step);
        self.steps.push(step);
        self.remember(id, Abort::Here(handle));
    }

    fn remember(&mut self, id: u32, abort: Abort) {
        if let Some(call) = self.calls.get_mut(&id) {
            call.abort = Some(abort);
        }
    }

    /// The caller's stream ended by an error.
    fn failed(&mut self, frame: &Frame<'_>) -> Result<(), Broken> {
        let text = str::from_utf8(frame.payload).map_err(|_| Broken("an error is not in UTF-8"))?;
        self.ended(frame.call, Some(Error::from_wire(text)));
        Ok(())
    }

    /// Nothing more comes from the caller.
    fn ended(&mut self, id: u32, how: Option<Error>) {
        let Some(call) = self.calls.get_mut(&id) else {
            return;
        };
        call.got_end = true;
        self.window.abandon(call.partial.take(), &mut self.outbox);
        if let Some(inbox) = call.inbox.take() {
            inbox.end(how);
        }
        self.finish(id);
    }

    /// The caller wants no more of it: what runs is dropped, and the end is said if it was not.
    fn cancel(&mut self, id: u32) {
        let is_sending = self.outbox.is_sending(id);
        let mut call = self.forget(id);
        if let Some(call) = &mut call {
            self.window.abandon(call.partial.take(), &mut self.outbox);
            let room = call.waits.take().map_or(0, |waits| waits.room);
            self.window.give_back(room, &mut self.outbox);
        }
        if is_sending || call.is_some_and(|call| !call.sent_end) {
            self.outbox.forget(id);
            self.outbox.control(Kind::Cancel, END, id, &[]);
        }
    }

    /// Forgets a call that both sides have ended.
    pub(super) fn finish(&mut self, id: u32) {
        let is_over = |call: &Call| call.got_end && call.sent_end;
        if self.calls.get(&id).is_some_and(is_over) {
            self.forget(id);
        }
    }

    fn forget(&mut self, id: u32) -> Option<Call> {
        let call = self.calls.remove(&id)?;
        self.streams -= usize::from(call.is_stream);
        Some(call)
    }

    fn add_credit(&mut self, id: u32, bytes: u32) {
        if id == 0 {
            self.outbox.add_credit(bytes);
        } else if let Some(call) = self.calls.get_mut(&id) {
            call.credit += i64::from(bytes);
        }
    }
}
