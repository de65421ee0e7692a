//! What the fuzzer drives: messages as they come on a connection.

use bytes::{Buf as _, BytesMut};

use super::decoder::Decoder;
use super::head::HEADERS;
use super::{Alike, Of, Start, Whole};
use crate::limits::Limits;

/// Messages are the same in whatever pieces they come, which the first byte says, and after they were written.
pub fn messages(data: &[u8]) {
    let Some((first, data)) = data.split_first() else {
        return;
    };
    let of = match first % 2 {
        0 => Of::Requests,
        _ => Of::Replies,
    };
    let (whole, is_good) = read(data, data.len().max(1), of);
    let (pieces, is_as_good) = read(data, 1 + usize::from(*first), of);
    let shown = |messages: &[Whole]| {
        messages
            .iter()
            .map(|one| format!("{one:?}"))
            .collect::<Vec<_>>()
    };
    assert_eq!(shown(&whole), shown(&pieces));
    // What can never become one may be found so sooner.
    assert!(is_as_good || !is_good);
    for message in &whole {
        written(message, of);
    }
}

/// The messages in `bytes`, and whether all that follows may yet become one.
fn read(mut bytes: &[u8], piece: usize, of: Of) -> (Vec<Whole>, bool) {
    let mut decoder = Decoder::new(of, &Limits::default());
    let (mut buffer, mut messages) = (BytesMut::new(), Vec::new());
    while bytes.has_remaining() {
        let (now, later) = bytes.split_at(piece.min(bytes.len()));
        buffer.extend_from_slice(now);
        bytes = later;
        loop {
            match decoder.advance(&mut buffer) {
                Ok(Some(message)) => messages.push(message),
                Ok(None) => break,
                Err(_) => return (messages, false),
            }
        }
    }
    (messages, true)
}

/// A message that was read is the same after it was written.
fn written(message: &Whole, of: Of) {
    let start = match &message.head.start {
        Start::Request { method, path } => format!("{method} {path} HTTP/1.1"),
        Start::Reply(status) => format!("HTTP/1.1 {status:03} OK"),
    };
    let mut headers = message.head.headers.clone();
    headers.remove("content-length");
    headers.remove("transfer-encoding");
    // Its length is one more.
    if headers.len() >= HEADERS {
        return;
    }
    let mut out = BytesMut::new();
    Alike::new(&start, &headers).write(&[], &message.body, &mut out);
    match read(&out, out.len(), of) {
        (again, true) if again.len() == 1 => {
            assert_eq!(again[0].body, message.body);
            assert_eq!(
                format!("{:?}", again[0].head.start),
                format!("{:?}", message.head.start)
            );
        }
        _ => panic!("a message that was written is not read: {out:?}"),
    }
}
