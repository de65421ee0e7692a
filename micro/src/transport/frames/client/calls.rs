//! What each frame from the server does to its call.

use std::collections::HashMap;
use std::task::Waker;

use bytes::Bytes;
use futures_util::StreamExt;
use tokio::time::Instant;

use super::super::assembly::{Partial, Piece};
use super::super::frame::{EMPTY, END, Frame, Kind, UNREACHED};
use super::super::head::{NUMBERED, is_numbered, read_reply, write_call, write_names};
use super::super::inbox::{Inbox, cost, inbox};
use super::super::{Broken, ID};
use super::State;
use crate::error::{Error, Result};
use crate::message::{Body, ContentType, Request, Response};
use crate::metadata::Metadata;
use crate::phase::{self, Phase};

/// One call that is not over on both sides, or whose answer nobody has taken yet.
pub(super) struct Exchange {
    /// How many calls had begun before it.
    order: u64,
    /// Where in all that is sent its first byte is.
    at: u64,
    pub(super) answer: Answer,
    /// For the messages of the answer's stream.
    inbox: Option<Inbox>,
    /// The head of an answer whose first message is not whole.
    opening: Option<(ContentType, Metadata)>,
    partial: Option<Partial>,
    /// When the first part came of what is not whole.
    partial_since: Option<Instant>,
    /// How much of the answer's stream the server may still send.
    room: i64,
    /// How much of the caller's stream the server takes.
    pub(super) credit: i64,
    /// Who waits to send more.
    pub(super) writer: Option<Waker>,
    pub(super) got_end: bool,
    pub(super) sent_end: bool,
}

/// The call that what came belongs to.
fn exchange(calls: &mut HashMap<u32, Exchange>, id: u32) -> Result<&mut Exchange, Broken> {
    let exchange = calls.get_mut(&id).filter(|exchange| !exchange.got_end);
    exchange.ok_or(Broken("an answer belongs to no call"))
}

/// What the caller waits for.
pub(super) enum Answer {
    Waited(Option<Waker>),
    Here(Result<Response>),
    /// It was taken, or nobody wants it.
    Gone,
}

impl Exchange {
    fn answer(&mut self, answer: Result<Response>, wakers: &mut Vec<Waker>) {
        if let Answer::Waited(waker) = &mut self.answer {
            wakers.extend(waker.take());
            self.answer = Answer::Here(answer);
        }
    }

    fn push(&mut self, message: Bytes) {
        self.room -= i64::from(cost(message.len()));
        if let Some(inbox) = &self.inbox {
            inbox.push(message);
        }
    }

    /// The end of the answer, or of its stream, by an error.
    fn fail(&mut self, error: Error, wakers: &mut Vec<Waker>) {
        match self.inbox.take() {
            Some(inbox) => inbox.end(Some(error)),
            None => self.answer(Err(error), wakers),
        }
    }

    /// There is no connection any more: `why`.
    pub(super) fn close(&mut self, why: &str, wakers: &mut Vec<Waker>) {
        let detail = format!("the connection broke: {why}");
        self.fail(Error::unavailable(ID, detail), wakers);
        wakers.extend(self.writer.take());
        self.got_end = true;
    }
}

impl State {
    /// Begins a call. Without a body its messages follow.
    pub(super) fn begin(
        &mut self,
        request: &Request,
        body: Option<Bytes>,
        room: i64,
        credit: i64,
    ) -> u32 {
        // There are far fewer calls than numbers.
        loop {
            self.last = self.last.wrapping_add(1);
            if self.last != 0 && !self.calls.contains_key(&self.last) {
                break;
            }
        }
        let id = self.last;
        let number = self.number(&request.service, &request.endpoint);
        let at = self.outbox.position();
        let sent_end = body.is_some();
        let head = |out: &mut Vec<u8>| write_call(out, request, number);
        match body {
            Some(body) => self.outbox.message(Kind::Call, id, head, body, true),
            None => self.outbox.head(Kind::Call, id, head),
        }
        let exchange = Exchange {
            order: self.begun,
            at,
            answer: Answer::Waited(None),
            inbox: None,
            opening: None,
            partial: None,
            partial_since: None,
            room,
            credit,
            writer: None,
            got_end: false,
            sent_end,
        };
        self.begun += 1;
        self.calls.insert(id, exchange);
        id
    }

    /// The number of the endpoint, which is told to the server the first time; `None` if it may have none.
    fn number(&mut self, service: &str, endpoint: &str) -> Option<usize> {
        let known = self.numbers.get(service).and_then(|own| own.get(endpoint));
        if known.is_some() {
            return known.copied();
        }
        if self.numbered >= NUMBERED || !is_numbered(service, endpoint) {
            return None;
        }
        let mut names = Vec::new();
        write_names(&mut names, service, endpoint);
        self.outbox.control(Kind::Define, 0, 0, &names);
        let number = self.numbered;
        self.numbered += 1;
        let own = self.numbers.entry(service.to_owned()).or_default();
        own.insert(endpoint.to_owned(), number);
        Some(number)
    }

    /// Does what a frame says.
    pub(super) fn take(
        &mut self,
        frame: &Frame<'_>,
        wakers: &mut Vec<Waker>,
    ) -> Result<(), Broken> {
        match frame.kind {
            Kind::Reply => self.reply(frame, wakers)?,
            Kind::Data => self.data(frame, wakers)?,
            Kind::Fail => {
                let text = str::from_utf8(frame.payload)
                    .map_err(|_| Broken("an error is not in UTF-8"))?;
                let error = Error::from_wire(text);
                let error = match frame.has(UNREACHED) {
                    true => error.never_reached(),
                    false => error,
                };
                exchange(&mut self.calls, frame.call)?.fail(error, wakers);
            }
            Kind::Cancel => {
                let error = Error::cancelled(ID, "the server left the call");
                exchange(&mut self.calls, frame.call)?.fail(error, wakers);
            }
            Kind::Credit if frame.call == 0 => self.outbox.add_credit(frame.credit()?),
            Kind::Credit => {
                let bytes = frame.credit()?;
                // The call may be over here.
                if let Some(exchange) = self.calls.get_mut(&frame.call) {
                    exchange.credit += i64::from(bytes);
                    wakers.extend(exchange.writer.take());
                }
            }
            Kind::Ping => self.outbox.control(Kind::Pong, 0, 0, frame.payload),
            Kind::Pong => {}
            Kind::GoAway => {
                let taken = frame.payload.first_chunk();
                let taken = taken.ok_or(Broken("a go-away does not count"))?;
                let taken = u64::from_le_bytes(*taken);
                self.going = Some(self.going.map_or(taken, |before| before.min(taken)));
            }
            Kind::Call | Kind::Define => {
                return Err(Broken("a server sent what only a caller sends"));
            }
        }
        let is_end = match frame.kind {
            Kind::Fail | Kind::Cancel => true,
            Kind::Reply | Kind::Data => frame.has(END),
            _ => false,
        };
        if is_end {
            self.ended(frame.call, wakers)?;
        }
        Ok(())
    }

    fn reply(&mut self, frame: &Frame<'_>, wakers: &mut Vec<Waker>) -> Result<(), Broken> {
        let (content_type, metadata, body) = read_reply(frame.payload)?;
        let limit = self.ours.message as usize;
        let exchange = exchange(&mut self.calls, frame.call)?;
        if exchange.inbox.is_some() || exchange.opening.is_some() {
            return Err(Broken("a call is answered twice"));
        }
        exchange.opening = Some((content_type, metadata));
        if frame.has(EMPTY) {
            self.opened(frame.call, None, wakers);
            return Ok(());
        }
        let piece = self.window.first(frame, body, limit)?;
        self.piece(frame, piece, wakers)
    }

    fn data(&mut self, frame: &Frame<'_>, wakers: &mut Vec<Waker>) -> Result<(), Broken> {
        let limit = self.ours.message as usize;
        let exchange = exchange(&mut self.calls, frame.call)?;
        if frame.has(EMPTY) {
            return Ok(());
        }
        let piece = match exchange.partial.take() {
            Some(partial) => self.window.next(partial, frame)?,
            None if matches!(exchange.answer, Answer::Waited(_)) => {
                return Err(Broken("a message came before the answer"));
            }
            None if exchange.room <= 0 => {
                return Err(Broken("a message came for which there is no room"));
            }
            None => self.window.first(frame, frame.payload, limit)?,
        };
        self.piece(frame, piece, wakers)
    }

    /// Takes in what a frame made of a message.
    fn piece(
        &mut self,
        frame: &Frame<'_>,
        piece: Piece,
        wakers: &mut Vec<Waker>,
    ) -> Result<(), Broken> {
        let limit = self.ours.message;
        let exchange = exchange(&mut self.calls, frame.call)?;
        let (message, room) = match piece {
            Piece::Part(_) if frame.has(END) => {
                return Err(Broken("a message ends before it is whole"));
            }
            Piece::Part(partial) => {
                exchange.partial = Some(partial);
                exchange.partial_since.get_or_insert_with(Instant::now);
                return Ok(());
            }
            Piece::Whole(message, room) => (Some(message), room),
            Piece::TooLong(room) => (None, room),
        };
        match message {
            None => {
                let detail = format!("a reply is over the limit of {limit} bytes (--max_message)");
                exchange.opening = None;
                exchange.fail(Error::too_large(ID, detail), wakers);
            }
            Some(message) if exchange.opening.is_none() => exchange.push(message),
            Some(message) if frame.has(END) => {
                if let Some((content_type, metadata)) = exchange.opening.take() {
                    let response = Response {
                        content_type,
                        metadata,
                        body: Body::Bytes(message),
                    };
                    exchange.answer(Ok(response), wakers);
                }
            }
            Some(message) => self.opened(frame.call, Some(message), wakers),
        }
        self.window.give_back(room, &mut self.outbox);
        Ok(())
    }

    /// The answer is a stream, perhaps with its first message.
    fn opened(&mut self, id: u32, message: Option<Bytes>, wakers: &mut Vec<Waker>) {
        let Some(exchange) = self.calls.get_mut(&id) else {
            return;
        };
        let Some((content_type, metadata)) = exchange.opening.take() else {
            return;
        };
        let (inbox, messages) = inbox(id, self.ours.stream, &self.wishes);
        exchange.inbox = Some(inbox);
        if let Some(message) = message {
            exchange.push(message);
        }
        let response = Response {
            content_type,
            metadata,
            body: Body::Stream(messages.boxed()),
        };
        exchange.answer(Ok(response), wakers);
    }

    /// Nothing more comes from the server; what this side has not ended is ended with it.
    fn ended(&mut self, id: u32, wakers: &mut Vec<Waker>) -> Result<(), Broken> {
        let Some(exchange) = self.calls.get_mut(&id) else {
            return Ok(());
        };
        if matches!(exchange.answer, Answer::Waited(_)) {
            return Err(Broken("a call ended without an answer"));
        }
        exchange.got_end = true;
        self.window
            .abandon(exchange.partial.take(), &mut self.outbox);
        if let Some(inbox) = exchange.inbox.take() {
            inbox.end(None);
        }
        wakers.extend(exchange.writer.take());
        if !exchange.sent_end || self.outbox.is_sending(id) {
            self.outbox.forget(id);
            self.outbox.control(Kind::Cancel, END, id, &[]);
            exchange.sent_end = true;
        }
        self.finish(id);
        Ok(())
    }

    /// The caller wants no more of the call.
    pub(super) fn leave(&mut self, id: u32) {
        let Some(exchange) = self.calls.get_mut(&id) else {
            return;
        };
        if let (Some(since), Some(_)) = (exchange.partial_since, &exchange.opening) {
            phase::entered(Phase::Rest, since);
        }
        exchange.answer = Answer::Gone;
        exchange.inbox = None;
        if !exchange.got_end {
            self.outbox.forget(id);
            self.outbox.control(Kind::Cancel, END, id, &[]);
            exchange.sent_end = true;
        }
        self.finish(id);
    }

    /// So much of the answer's stream has been read.
    pub(super) fn grant(&mut self, id: u32, bytes: u32) {
        if let Some(exchange) = self.calls.get_mut(&id).filter(|exchange| !exchange.got_end) {
            exchange.room += i64::from(bytes);
            self.outbox
                .control(Kind::Credit, 0, id, &bytes.to_le_bytes());
        }
    }

    /// Takes the answer, if it is there.
    pub(super) fn answer(&mut self, id: u32, waker: &Waker) -> Option<Result<Response>> {
        let exchange = self.calls.get_mut(&id)?;
        match std::mem::replace(&mut exchange.answer, Answer::Gone) {
            Answer::Here(answer) => {
                let (order, at) = (exchange.order, exchange.at);
                self.finish(id);
                Some(answer.map_err(|error| self.located(error, order, at)))
            }
            Answer::Waited(known) => {
                let known = known.filter(|known| known.will_wake(waker));
                exchange.answer = Answer::Waited(Some(known.unwrap_or_else(|| waker.clone())));
                None
            }
            Answer::Gone => None,
        }
    }

    /// Whether a call that the end of its connection cut off can have been taken.
    fn located(&self, error: Error, order: u64, at: u64) -> Error {
        let is_cut = self.closed.is_some() && !error.is_downstream();
        // It is still here, or the other side has said that it did not take it.
        let is_untaken = at >= self.sent || self.going.is_some_and(|taken| order >= taken);
        match is_cut && is_untaken {
            true => error.never_reached(),
            false => error,
        }
    }

    /// Forgets a call that both sides have ended and whose answer was taken.
    fn finish(&mut self, id: u32) {
        let is_over = |exchange: &Exchange| {
            let is_waited = matches!(exchange.answer, Answer::Here(_) | Answer::Waited(_));
            exchange.got_end && exchange.sent_end && !is_waited
        };
        let over = self.calls.get(&id).is_some_and(is_over);
        over.then(|| self.calls.remove(&id));
    }
}
