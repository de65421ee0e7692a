//! What becomes of a handler's answer: a reply, a stream of them, or an error.

use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{FutureExt, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::coop;

use super::super::ID;
use super::super::frame::{EMPTY, END, Kind, UNREACHED};
use super::super::head::{fits, write_reply};
use super::super::inbox::cost;
use super::{Connection, Done, ROW};
use crate::error::{Error, Result};
use crate::message::{Body, Response};
use crate::wire::failure_text;

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// Takes in what a step came to.
    pub(super) fn done(&mut self, id: u32, done: Done) {
        match done {
            Done::Answer(answer) => self.answered(id, answer),
            Done::Item(item, stream) => {
                if self.item(id, item) {
                    self.emit(id, stream);
                }
            }
        }
    }

    pub(super) fn answered(&mut self, id: u32, answer: Result<Response>) {
        let Some(call) = self.calls.get_mut(&id) else {
            return;
        };
        let mut response = match answer {
            Ok(response) if fits(&response.metadata, 0) => response,
            Ok(_) => {
                let detail = "the metadata of the reply does not fit in a frame of 48 KiB";
                return self.fail(id, &Error::internal(ID, detail));
            }
            Err(error) => return self.fail(id, &error),
        };
        match std::mem::take(&mut response.body) {
            Body::Bytes(bytes) if bytes.len() > self.theirs.message as usize => {
                let detail = format!(
                    "the reply is over the caller's limit of {} bytes",
                    self.theirs.message
                );
                self.fail(id, &Error::too_large(ID, detail));
            }
            Body::Bytes(bytes) => {
                call.sent_end = true;
                let head = |out: &mut Vec<u8>| write_reply(out, &response);
                self.outbox.message(Kind::Reply, id, head, bytes, true);
                self.finish(id);
            }
            Body::Stream(stream) => {
                self.outbox
                    .head(Kind::Reply, id, |out| write_reply(out, &response));
                self.emit(id, stream);
            }
        }
    }

    /// Sends what the reply's stream has ready, as far as the caller takes it.
    pub(super) fn emit(&mut self, id: u32, mut stream: BoxStream<'static, Result<Bytes>>) {
        for sent in 0.. {
            let Some(call) = self.calls.get_mut(&id) else {
                return;
            };
            if call.credit <= 0 || self.outbox.is_sending(id) {
                call.waiting = Some(stream);
                self.paused.push(id);
                return;
            }
            if sent == ROW || self.outbox.is_laden() {
                break;
            }
            match once(&mut stream.next()) {
                Poll::Ready(item) => {
                    if !self.item(id, item) {
                        return;
                    }
                }
                Poll::Pending => break,
            }
        }
        let step = async move {
            let item = stream.next().await;
            (id, Done::Item(item, stream))
        };
        self.later(id, step.boxed());
    }

    /// Sends one item of a reply's stream; false if it was the last.
    fn item(&mut self, id: u32, item: Option<Result<Bytes>>) -> bool {
        let Some(call) = self.calls.get_mut(&id) else {
            return false;
        };
        match item {
            Some(Ok(message)) if message.len() > self.theirs.message as usize => {
                let detail = format!(
                    "an item is over the caller's limit of {} bytes",
                    self.theirs.message
                );
                self.fail(id, &Error::too_large(ID, detail));
                false
            }
            Some(Ok(message)) => {
                call.credit -= i64::from(cost(message.len()));
                self.outbox.message(Kind::Data, id, |_| {}, message, false);
                true
            }
            Some(Err(error)) => {
                self.fail(id, &error);
                false
            }
            None => {
                call.sent_end = true;
                self.outbox.control(Kind::Data, END | EMPTY, id, &[]);
                self.finish(id);
                false
            }
        }
    }

    /// Ends the answer by an error.
    pub(super) fn fail(&mut self, id: u32, error: &Error) {
        let flags = if error.is_never_reached() {
            UNREACHED
        } else {
            0
        };
        let text = failure_text(error);
        self.outbox
            .control(Kind::Fail, END | flags, id, text.as_bytes());
        if let Some(call) = self.calls.get_mut(&id) {
            call.sent_end = true;
        }
        self.finish(id);
    }
}

/// Polls once, outside the budget of the runtime: what looks pending because of it would be polled in vain again.
pub(super) fn once<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    let mut cx = Context::from_waker(Waker::noop());
    std::pin::pin!(coop::unconstrained(future)).poll(&mut cx)
}
