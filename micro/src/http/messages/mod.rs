//! Whole messages of HTTP/1.1, back to back on one connection: streams as go-micro carries them, which are no requests
//! with a response each, so that no HTTP library reads or writes them.
//!
//! [`head`] reads the lines above a body, [`decoder`] cuts bytes into messages, [`reader`] does so with what a
//! connection brings, in time.

mod decoder;
#[cfg(fuzzing)]
pub(crate) mod fuzz;
mod head;
mod reader;

use bytes::{Bytes, BytesMut};
use hyper::Method;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};

pub(super) use self::head::{Extent, extent, head, may_end};
pub(crate) use self::reader::{Reader, allowed};
use crate::error::Error;

const ID: &str = "micro.http";

/// What stands above a body.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) start: Start,
    pub(crate) headers: HeaderMap,
}

/// The first line.
#[derive(Debug)]
pub(crate) enum Start {
    Request { method: Method, path: String },
    Reply(u16),
}

/// A message.
#[derive(Debug)]
pub(crate) struct Whole {
    pub(crate) head: Head,
    pub(crate) body: Bytes,
}

/// Which end is read.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Of {
    Requests,
    Replies,
}

/// The lines that all messages of one stream begin with.
pub(crate) struct Alike(Vec<u8>);

impl Alike {
    /// The first line, without its end, and the headers.
    pub(crate) fn new(start: &str, headers: &HeaderMap) -> Self {
        let mut lines = start.as_bytes().to_vec();
        lines.extend_from_slice(b"\r\n");
        for (name, value) in headers {
            line(name.as_str(), value.as_bytes(), &mut lines);
        }
        Self(lines)
    }

    /// Appends a message with `more` headers and this body to `out`.
    pub(crate) fn write(
        &self,
        more: &[(&HeaderName, &HeaderValue)],
        body: &[u8],
        out: &mut BytesMut,
    ) {
        out.extend_from_slice(&self.0);
        let mut lines = Vec::new();
        for (name, value) in more {
            line(name.as_str(), value.as_bytes(), &mut lines);
        }
        line(
            "content-length",
            body.len().to_string().as_bytes(),
            &mut lines,
        );
        out.extend_from_slice(&lines);
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(body);
    }
}

fn line(name: &str, value: &[u8], out: &mut Vec<u8>) {
    for part in [name.as_bytes(), b": ", value, b"\r\n"] {
        out.extend_from_slice(part);
    }
}

fn malformed(why: &str) -> Error {
    Error::bad_request(ID, format!("a message is not HTTP/1.1: {why}"))
}
