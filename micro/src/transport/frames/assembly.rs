//! Messages of several frames, put together again.

use bytes::{Bytes, BytesMut};

use super::Broken;
use super::frame::{Frame, MORE};

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

/// Takes in the first frame of a message, whose body is `body`.
pub(super) fn first(frame: &Frame<'_>, body: &[u8], limit: usize) -> Result<Piece, Broken> {
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
    let total = u32::from_le_bytes(*total) as usize;
    let kept = (total <= limit).then(|| BytesMut::with_capacity(total.min(AHEAD)));
    let partial = Partial {
        kept,
        come: 0,
        total,
    };
    partial.add(frame, body)
}

impl Partial {
    /// Takes in a further frame of the message.
    pub(super) fn next(self, frame: &Frame<'_>) -> Result<Piece, Broken> {
        self.add(frame, frame.payload)
    }

    /// How much room the sender had to have.
    pub(super) fn credit(&self) -> u32 {
        u32::try_from(self.total).unwrap_or(u32::MAX)
    }

    fn add(mut self, frame: &Frame<'_>, body: &[u8]) -> Result<Piece, Broken> {
        self.come += body.len();
        if self.come > self.total || (self.come == self.total) == frame.has(MORE) {
            return Err(Broken("a message is not as long as it said"));
        }
        if let Some(kept) = &mut self.kept {
            kept.extend_from_slice(body);
        }
        if frame.has(MORE) {
            return Ok(Piece::Part(self));
        }
        let credit = self.credit();
        Ok(match self.kept {
            Some(kept) => Piece::Whole(kept.freeze(), credit),
            None => Piece::TooLong(credit),
        })
    }
}
