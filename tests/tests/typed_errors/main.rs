//! Typed errors of calls and streams, over every transport and in every codec, and from test doubles: they arrive as
//! themselves, and leave no service that did not mean to hand them on.

#![expect(
    clippy::needless_question_mark,
    reason = "what a bare `?` does is tested"
)]

mod doubles;
mod rooms;
mod transports;
