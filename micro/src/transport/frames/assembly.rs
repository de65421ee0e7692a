//! Messages of several frames, put together again.

use bytes::{Bytes, BytesMut};

use super::Broken;
use super::frame::{Frame, Kind, MORE};
use super::outbox::Outbox;

/// How much is made room for before it has come.
const AHEAD: usize = 64 << 10;

/// A message of which pieces are missing.
#[derive(Debug)]
pub(super) struct Partial {
    /// Nothing is kept of a message that is too long.
    kept: Option<BytesMut>,
    come: usize,
    total: usize,
}

/// What a frame's piece makes of its message.
#[derive(Debug)]
pub(super) enum Piece {
    /// It is whole. The second number is how much room the sender had to have, and gets back.
    Whole(Bytes, u32),
    /// It is whole, and longer than the limit.
    TooLong(u32),
    /// More is to come.
    Part(Partial),
}

/// This side's room for messages of several frames.
#[derive(Debug)]
pub(super) struct Window {
    /// It may fall below zero by one message.
    left: i64,
    /// How many messages have begun and are not whole.
    partial: usize,
}

impl Window {
    /// As much as this side's preface says.
    pub(super) fn new(bytes: u32) -> Self {
        Self {
            left: i64::from(bytes),
            partial: 0,
        }
    }

    /// Takes in the first frame of a message, whose body is `body`.
    pub(super) fn first(
        &mut self,
        frame: &Frame<'_>,
        body: &[u8],
        limit: usize,
    ) -> Result<Piece, Broken> {
        if !frame.has(MORE) {
            // One frame: the reader has room for it in any case, but not for what is over the limit.
            return Ok(if body.len() > limit {
                Piece::TooLong(0)
            } else {
                Piece::Whole(Bytes::copy_from_slice(body), 0)
            });
        }
        let (total, body) = body
            .split_first_chunk()
            .ok_or(Broken("a long message does not say how long it is"))?;
        if self.left <= 0 {
            return Err(Broken("a long message came for which there is no room"));
        }
        let total = u32::from_le_bytes(*total);
        self.left -= i64::from(total);
        self.partial += 1;
        let total = total as usize;
        let kept = (total <= limit).then(|| BytesMut::with_capacity(total.min(AHEAD)));
        let partial = Partial {
            kept,
            come: 0,
            total,
        };
        self.add(partial, frame, body)
    }

    /// Takes in a further frame of a message.
    pub(super) fn next(&mut self, partial: Partial, frame: &Frame<'_>) -> Result<Piece, Broken> {
        self.add(partial, frame, frame.payload)
    }

    fn add(
        &mut self,
        mut partial: Partial,
        frame: &Frame<'_>,
        body: &[u8],
    ) -> Result<Piece, Broken> {
        partial.come += body.len();
        if partial.come > partial.total || (partial.come == partial.total) == frame.has(MORE) {
            return Err(Broken("a message is not as long as it said"));
        }
        if let Some(kept) = &mut partial.kept {
            kept.extend_from_slice(body);
        }
        if frame.has(MORE) {
            return Ok(Piece::Part(partial));
        }
        self.partial -= 1;
        let credit = partial.credit();
        Ok(match partial.kept {
            Some(kept) => Piece::Whole(kept.freeze(), credit),
            None => Piece::TooLong(credit),
        })
    }

    /// Gives the sender back the room of a message.
    pub(super) fn give_back(&mut self, bytes: u32, outbox: &mut Outbox) {
        if bytes > 0 {
            self.left += i64::from(bytes);
            outbox.control(Kind::Credit, 0, 0, &bytes.to_le_bytes());
        }
    }

    /// Gives it back for a message of which nothing more comes.
    pub(super) fn abandon(&mut self, partial: Option<Partial>, outbox: &mut Outbox) {
        if let Some(partial) = partial {
            self.partial -= 1;
            self.give_back(partial.credit(), outbox);
        }
    }

    /// True if messages have begun that are not whole.
    pub(super) fn is_waiting(&self) -> bool {
        self.partial > 0
    }
}

impl Partial {
    /// How much room the sender had to have.
    fn credit(&self) -> u32 {
        u32::try_from(self.total).unwrap_or(u32::MAX)
    }
}
