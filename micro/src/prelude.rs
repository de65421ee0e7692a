//! What programs use most, so that `use micro::prelude::*;` is enough for them.

pub use std::time::Duration;

pub use futures_util::{Stream, StreamExt, stream};

pub use crate::broker::Mode;
pub use crate::codec::{Plain, Streaming};
pub use crate::context::Context;
pub use crate::message::{Request, Response};
pub use crate::metadata::Metadata;
pub use crate::server::{
    Definition, Handle, bidirectional, client_streaming, server_streaming, subscriber, unary,
};
pub use crate::wrapper::Next;
