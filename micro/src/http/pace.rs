//! How fast a connection moves: what the call is at, and what the socket moves, which `paced` sees. `watch` judges.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering::Relaxed};

/// What a connection waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// The first byte of a call.
    Idle,
    /// The rest of a head.
    Head,
    /// The rest of a call's body.
    Body,
    /// The handler.
    Handler,
    /// The caller, to read the reply.
    Reply,
}

/// What is known of one connection, or of one call of those that share a connection. All of it belongs to the
/// connection's task; the atomics only let that task move between threads.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    /// The bytes of bodies are noted as they are read, since the socket is not of this call alone.
    notes_bodies: bool,
    part: AtomicU8,
    /// How many calls have begun or ended.
    turn: AtomicU64,
    /// Bytes moved since the part began.
    moved: AtomicU64,
    /// Something was written that has not left.
    unflushed: AtomicBool,
    stalled: AtomicBool,
}

/// The parts of a call, as the values of [`Pace::part`].
const BETWEEN: u8 = 0;
const BODY: u8 = 1;
const HANDLER: u8 = 2;
const STREAM: u8 = 3;

impl Pace {
    /// What is known of a call that shares its connection.
    pub(super) fn of_call() -> Self {
        Self {
            notes_bodies: true,
            ..Self::default()
        }
    }

    /// So many bytes of a body were read.
    pub(super) fn read(&self, bytes: usize) {
        if self.notes_bodies {
            self.moved(bytes);
        }
    }

    /// A head is complete; its body is read next.
    pub(super) fn begin_body(&self) {
        self.stalled.store(false, Relaxed);
        self.enter(BODY);
    }

    /// The body is complete; the handler runs next.
    pub(crate) fn begin_handler(&self) {
        self.enter(HANDLER);
    }

    /// The reply is handed over.
    pub(super) fn begin_reply(&self) {
        self.enter(BETWEEN);
    }

    /// The reply is handed over, and the rest of the body is read beside it, as fast as a body must come.
    pub(super) fn go_on_with_body(&self) {
        if self.part.load(Relaxed) == BETWEEN {
            self.enter(BODY);
        }
    }

    /// That rest was read, or given up.
    pub(super) fn end_body(&self) {
        if self.part.load(Relaxed) == BODY {
            self.enter(BETWEEN);
        }
    }

    /// The reply is handed over piece by piece.
    pub(super) fn begin_stream(&self) {
        self.enter(STREAM);
    }

    /// True once the body of this call has been given up.
    pub(super) fn is_stalled(&self) -> bool {
        self.stalled.load(Relaxed)
    }

    /// Gives up the body of this call.
    pub(super) fn give_up(&self) {
        self.stalled.store(true, Relaxed);
    }

    pub(super) fn phase(&self) -> Phase {
        match self.part.load(Relaxed) {
            BODY => Phase::Body,
            HANDLER => Phase::Handler,
            STREAM if !self.unflushed.load(Relaxed) => Phase::Handler,
            _ if self.unflushed.load(Relaxed) => Phase::Reply,
            _ if self.moved.load(Relaxed) > 0 => Phase::Head,
            _ => Phase::Idle,
        }
    }

    fn enter(&self, part: u8) {
        self.part.store(part, Relaxed);
        self.moved.store(0, Relaxed);
        self.turn.store(self.turn.load(Relaxed) + 1, Relaxed);
    }

    /// How many calls have begun or ended.
    pub(super) fn turn(&self) -> u64 {
        self.turn.load(Relaxed)
    }

    /// The bytes that were moved since the part began.
    pub(super) fn moved_so_far(&self) -> u64 {
        self.moved.load(Relaxed)
    }

    /// So many bytes were read or written.
    pub(super) fn moved(&self, bytes: usize) {
        self.moved
            .store(self.moved.load(Relaxed) + bytes as u64, Relaxed);
    }

    /// Something was written that may not have left.
    pub(super) fn written(&self) {
        self.unflushed.store(true, Relaxed);
    }

    /// All that was written has left.
    pub(super) fn flushed(&self) {
        if self.unflushed.load(Relaxed) {
            self.unflushed.store(false, Relaxed);
            if matches!(self.part.load(Relaxed), BETWEEN | STREAM) {
                self.moved.store(0, Relaxed);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Pace;

    #[test]
    fn a_body_that_was_given_up_does_not_count_for_the_next() {
        let pace = Pace::default();
        pace.begin_body();
        pace.give_up();

        pace.begin_body();

        assert!(!pace.is_stalled());
    }
}
