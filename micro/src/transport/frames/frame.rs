//! One frame: eight bytes of header and a payload. How frames make calls is in `docs/wire.md`.

use super::Broken;

/// Length (2 bytes), kind, flags, call (4 bytes); numbers are little endian here and everywhere.
pub(super) const HEADER: usize = 8;

/// How much of a message one frame carries at most; more is cut up, so that others get their turn.
pub(super) const PIECE: usize = 16 << 10;

/// The longest head; with a piece of a message behind it, it fits in a frame.
pub(super) const LONGEST_HEAD: usize = (1 << 16) - 1 - PIECE - 16;

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    /// Begins a call: a head, and the first message or its first piece.
    Call = 1,
    /// Begins the answer: a head, and the first message or its first piece.
    Reply = 2,
    /// A further message of a stream, or a further piece of one.
    Data = 3,
    /// Ends a direction by an error, in go-micro's JSON form.
    Fail = 4,
    /// The sender is not interested in the call any more.
    Cancel = 5,
    /// The receiver of messages has room for so many more bytes (4 bytes).
    Credit = 6,
    /// Asks for the same payload back.
    Ping = 7,
    /// Gives it back.
    Pong = 8,
    /// No more calls are taken: how many were (8 bytes), and why.
    GoAway = 9,
    /// Gives the next number to an endpoint.
    Define = 10,
}

impl Kind {
    fn read(byte: u8) -> Option<Self> {
        let all = [
            Self::Call,
            Self::Reply,
            Self::Data,
            Self::Fail,
            Self::Cancel,
            Self::Credit,
            Self::Ping,
            Self::Pong,
            Self::GoAway,
            Self::Define,
        ];
        all.into_iter().find(|kind| *kind as u8 == byte)
    }
}

/// The message goes on in the next frame of the call; its first frame says how long it is in all (4 bytes).
pub(super) const MORE: u8 = 1;
/// Nothing follows in this direction.
pub(super) const END: u8 = 2;
/// The frame carries no message.
pub(super) const EMPTY: u8 = 4;
/// With [`Kind::Fail`]: no handler can have seen the call.
pub(super) const UNREACHED: u8 = 8;

/// A frame as it lies in a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame<'a> {
    pub(super) kind: Kind,
    pub(super) flags: u8,
    /// The call it belongs to; 0 for the connection.
    pub(super) call: u32,
    pub(super) payload: &'a [u8],
}

impl Frame<'_> {
    pub(super) fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// The number that a credit is.
    pub(super) fn credit(&self) -> Result<u32, Broken> {
        match self.payload.try_into() {
            Ok(bytes) => Ok(u32::from_le_bytes(bytes)),
            Err(_) => Err(Broken("a credit is not of 4 bytes")),
        }
    }
}

/// The frame at the front of `buffer` and how many bytes it takes; `None` if it is not whole yet.
pub(super) fn take(buffer: &[u8]) -> Result<Option<(Frame<'_>, usize)>, Broken> {
    let Some((header, rest)) = buffer.split_first_chunk::<HEADER>() else {
        return Ok(None);
    };
    let [low, high, kind, flags, call @ ..] = *header;
    let length = usize::from(u16::from_le_bytes([low, high]));
    let kind = Kind::read(kind).ok_or(Broken("a frame is of an unknown kind"))?;
    let Some(payload) = rest.get(..length) else {
        return Ok(None);
    };
    let call = u32::from_le_bytes(call);
    let frame = Frame {
        kind,
        flags,
        call,
        payload,
    };
    Ok(Some((frame, HEADER + length)))
}

/// Writes a header whose length is filled in by [`end`]; returns where it is.
pub(super) fn begin(out: &mut Vec<u8>, kind: Kind, flags: u8, call: u32) -> usize {
    let at = out.len();
    let [a, b, c, d] = call.to_le_bytes();
    out.extend_from_slice(&[0, 0, kind as u8, flags, a, b, c, d]);
    at
}

/// Fills in the length of the frame at `at`, which ends here.
pub(super) fn end(out: &mut [u8], at: usize) {
    // No frame is written that is longer: heads and pieces are bounded.
    let length = u16::try_from(out.len() - at - HEADER).unwrap_or(u16::MAX);
    out[at..at + 2].copy_from_slice(&length.to_le_bytes());
}

/// A whole frame whose payload is `payload`, at most 65,535 bytes.
pub(super) fn put(out: &mut Vec<u8>, kind: Kind, flags: u8, call: u32, payload: &[u8]) {
    let at = begin(out, kind, flags, call);
    out.extend_from_slice(&payload[..payload.len().min(usize::from(u16::MAX))]);
    end(out, at);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Frame, Kind, put, take};

    #[test]
    fn what_is_put_is_taken() {
        let mut out = Vec::new();
        put(&mut out, Kind::Data, 3, 0x0102_0304, b"hello");

        let (frame, used) = take(&out).unwrap().unwrap();

        assert_eq!(used, out.len());
        assert_eq!((frame.kind, frame.flags), (Kind::Data, 3));
        assert_eq!((frame.call, frame.payload), (0x0102_0304, &b"hello"[..]));
    }

    #[test]
    fn the_bytes_are_as_they_are_specified() {
        let mut out = Vec::new();
        put(&mut out, Kind::Ping, 0, 0, b"12345678");

        assert_eq!(out, b"\x08\0\x07\0\0\0\0\x0012345678");
    }

    #[test]
    fn a_frame_that_is_not_whole_is_waited_for() {
        let mut out = Vec::new();
        put(&mut out, Kind::Data, 0, 1, b"hello");

        for length in 0..out.len() {
            assert_eq!(take(&out[..length]), Ok(None), "{length}");
        }
    }

    #[test]
    fn an_unknown_kind_is_refused() {
        assert!(take(&[0, 0, 0, 0, 0, 0, 0, 0]).is_err());
        assert!(take(&[0, 0, 99, 0, 0, 0, 0, 0]).is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>) {
            if let Ok(Some((Frame { payload, .. }, used))) = take(&bytes) {
                prop_assert!(payload.len() < used && used <= bytes.len());
            }
        }
    }
}
