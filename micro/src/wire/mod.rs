//! What both ends of every carrier agree on: header names, their units, and the way between heads and messages.
//!
//! Works on pairs of names and values, so that each transport brings its own header types. Used by
//! transports; knows none of them.

mod failure;
#[cfg(feature = "http")]
mod head;
#[cfg(feature = "http")]
mod header;

pub(crate) use failure::failure_text;
#[cfg(feature = "grpc")]
pub(crate) use failure::short_detail;
#[cfg(feature = "http")]
pub(crate) use head::{
    Name, Reply, Value, metadata_pairs, nanoseconds, reached, read_reply, read_request,
    request_pairs,
};
#[cfg(feature = "http")]
pub(crate) use header::Header;
