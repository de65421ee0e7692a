//! What one side has to send: small frames at once, long messages piece by piece, in turn.
//!
//! Nothing here waits: the connection that owns it writes what [`fill`](Outbox::fill) gives it.

use std::collections::VecDeque;

use bytes::Bytes;

use super::frame::{EMPTY, END, Kind, MORE, PIECE, begin, end, put};

/// How many bytes may wait to be written before nothing more is begun.
const HIGH: usize = 256 << 10;

/// The same for messages of several frames, and for what is answered at once: refusals, and the answers of pings.
const LADEN: usize = 8 << 20;
const OVERFULL: usize = 4 << 20;

/// How many bytes are handed to the system at once.
const BATCH: usize = 64 << 10;

/// What one side has to send.
#[derive(Debug)]
pub(super) struct Outbox {
    /// Whole frames.
    small: Vec<u8>,
    /// Messages of several frames that have begun, one piece of each in turn.
    long: VecDeque<Long>,
    /// Those that the other side has no room for yet, in order.
    waiting: VecDeque<Long>,
    /// What is left of the other side's room for them. It may fall below zero by one message.
    credit: i64,
    /// How many bytes were put in so far.
    put: u64,
    /// How many bytes of messages of several frames are not cut up yet.
    held: usize,
}

/// A message of several frames.
#[derive(Debug)]
struct Long {
    call: u32,
    /// Of its first frame.
    kind: Kind,
    /// Before its first piece, with its length; empty once that is written.
    head: Vec<u8>,
    body: Bytes,
    has_begun: bool,
    is_last: bool,
}

impl Outbox {
    /// With as much room on the other side as its preface says.
    pub(super) fn new(credit: u32) -> Self {
        Self {
            small: Vec::new(),
            long: VecDeque::new(),
            waiting: VecDeque::new(),
            credit: i64::from(credit),
            put: 0,
            held: 0,
        }
    }

    /// The other side has room for so many more bytes of messages that span frames.
    pub(super) fn add_credit(&mut self, bytes: u32) {
        self.credit += i64::from(bytes);
        while self.credit > 0
            && let Some(long) = self.waiting.pop_front()
        {
            self.credit -= long.body.len() as i64;
            self.long.push_back(long);
        }
    }

    /// True if so much waits to be written that nothing more should be begun.
    pub(super) fn is_full(&self) -> bool {
        self.small.len() > HIGH
    }

    /// The same, with the long messages.
    pub(super) fn is_laden(&self) -> bool {
        self.is_full() || self.held > LADEN
    }

    /// True if even what cannot wait should not be asked for.
    pub(super) fn is_overfull(&self) -> bool {
        self.small.len() > OVERFULL
    }

    /// True if nothing can be written now.
    pub(super) fn is_idle(&self) -> bool {
        self.small.is_empty() && self.long.is_empty()
    }

    /// True if nothing waits, not even for room on the other side.
    pub(super) fn is_empty(&self) -> bool {
        self.is_idle() && self.waiting.is_empty()
    }

    /// How many bytes were put in so far, with those of long messages that are yet to be cut up.
    pub(super) fn position(&self) -> u64 {
        self.put
    }

    /// A frame without a head or with none of a message.
    pub(super) fn control(&mut self, kind: Kind, flags: u8, call: u32, payload: &[u8]) {
        let before = self.small.len();
        put(&mut self.small, kind, flags, call, payload);
        self.put += (self.small.len() - before) as u64;
    }

    /// A message, behind the head that `head` writes; `is_last` ends the direction with it.
    pub(super) fn message(
        &mut self,
        kind: Kind,
        call: u32,
        head: impl FnOnce(&mut Vec<u8>),
        body: Bytes,
        is_last: bool,
    ) {
        let before = self.small.len();
        if body.len() <= PIECE {
            let at = begin(&mut self.small, kind, if is_last { END } else { 0 }, call);
            head(&mut self.small);
            self.small.extend_from_slice(&body);
            end(&mut self.small, at);
            self.put += (self.small.len() - before) as u64;
            return;
        }
        let mut bytes = Vec::new();
        head(&mut bytes);
        let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
        bytes.extend_from_slice(&length.to_le_bytes());
        self.put += (bytes.len() + body.len()) as u64;
        self.held += body.len();
        self.waiting.push_back(Long {
            call,
            kind,
            head: bytes,
            body,
            has_begun: false,
            is_last,
        });
        self.add_credit(0);
    }

    /// A head whose messages follow in frames of their own.
    pub(super) fn head(&mut self, kind: Kind, call: u32, head: impl FnOnce(&mut Vec<u8>)) {
        let before = self.small.len();
        let at = begin(&mut self.small, kind, EMPTY, call);
        head(&mut self.small);
        end(&mut self.small, at);
        self.put += (self.small.len() - before) as u64;
    }

    /// True if a long message of `call` is not written whole: what follows it must wait.
    pub(super) fn is_sending(&self, call: u32) -> bool {
        let is_of = |long: &Long| long.call == call;
        self.long.iter().any(is_of) || self.waiting.iter().any(is_of)
    }

    /// Forgets the messages of a call that is cancelled. Of one that has begun the other side knows the length, and
    /// gives back the room that was kept for it.
    pub(super) fn forget(&mut self, call: u32) {
        self.waiting.retain(|long| {
            let is_kept = long.call != call;
            self.held -= if is_kept { 0 } else { long.body.len() };
            is_kept
        });
        self.long.retain(|long| {
            let is_kept = long.call != call;
            if !is_kept {
                self.held -= long.body.len();
                self.credit += if long.has_begun {
                    0
                } else {
                    long.body.len() as i64
                };
            }
            is_kept
        });
        self.add_credit(0);
    }

    /// Moves what is to be written next into `batch`, about 64 KiB at most unless small frames are more.
    pub(super) fn fill(&mut self, batch: &mut Vec<u8>) {
        if batch.is_empty() {
            std::mem::swap(batch, &mut self.small);
        } else {
            batch.append(&mut self.small);
        }
        while batch.len() < BATCH
            && let Some(mut long) = self.long.pop_front()
        {
            self.held -= long.piece(batch);
            if !long.body.is_empty() {
                self.long.push_back(long);
            }
        }
    }
}

impl Long {
    /// Writes its next piece; returns how long that is.
    fn piece(&mut self, batch: &mut Vec<u8>) -> usize {
        let piece = self.body.split_to(PIECE.min(self.body.len()));
        let flags = match (self.body.is_empty(), self.is_last) {
            (false, _) => MORE,
            (true, true) => END,
            (true, false) => 0,
        };
        let kind = if self.has_begun {
            Kind::Data
        } else {
            self.kind
        };
        let at = begin(batch, kind, flags, self.call);
        batch.append(&mut self.head);
        batch.extend_from_slice(&piece);
        end(batch, at);
        self.has_begun = true;
        piece.len()
    }
}
