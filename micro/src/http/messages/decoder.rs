//! From bytes to messages.

use bytes::{Buf as _, BytesMut};

use super::head::{Extent, extent, head, head_too_large, may_end};
use super::{Head, ID, Of, Whole, malformed};
use crate::error::Result;
use crate::http::too_large;
use crate::limits::Limits;

/// How long the line may be that says the size of a chunk, with its end.
const CHUNK_LINE: usize = 256;

/// Cuts bytes into messages.
#[derive(Debug)]
pub(super) struct Decoder {
    of: Of,
    longest: usize,
    longest_head: usize,
    state: State,
}

#[derive(Debug)]
enum State {
    /// In a head, of which so many bytes were looked at.
    Head(usize),
    /// In a body of so many bytes.
    Body(Head, usize),
    Chunked(Head, BytesMut, Chunk),
}

/// Where in a chunked body.
#[derive(Clone, Copy, Debug)]
enum Chunk {
    Size,
    Data(usize),
    /// Behind so many bytes of lines that follow the last chunk.
    Trailers(usize),
}

impl Decoder {
    pub(super) fn new(of: Of, limits: &Limits) -> Self {
        Self {
            of,
            longest: limits.message,
            longest_head: limits.head,
            state: State::Head(0),
        }
    }

    pub(super) fn is_between(&self) -> bool {
        matches!(self.state, State::Head(_))
    }

    /// Takes the next message from the front of `bytes`, or what there is of it.
    pub(super) fn advance(&mut self, bytes: &mut BytesMut) -> Result<Option<Whole>> {
        loop {
            match std::mem::replace(&mut self.state, State::Head(0)) {
                State::Head(seen) => {
                    let Some(head) = self.head(bytes, seen)? else {
                        return Ok(None);
                    };
                    self.state = match extent(&head)? {
                        Extent::Bytes(length) => State::Body(head, self.bounded(0, length)?),
                        Extent::Chunked => State::Chunked(head, BytesMut::new(), Chunk::Size),
                    };
                }
                State::Body(head, length) if bytes.len() < length => {
                    self.state = State::Body(head, length);
                    return Ok(None);
                }
                State::Body(head, length) => {
                    let body = bytes.split_to(length).freeze();
                    return Ok(Some(Whole { head, body }));
                }
                State::Chunked(head, mut body, chunk) => {
                    match self.chunk(chunk, &mut body, bytes)? {
                        Progress::On(chunk) => self.state = State::Chunked(head, body, chunk),
                        Progress::Waits(chunk) => {
                            self.state = State::Chunked(head, body, chunk);
                            return Ok(None);
                        }
                        Progress::Ends => {
                            let body = body.freeze();
                            return Ok(Some(Whole { head, body }));
                        }
                    }
                }
            }
        }
    }

    fn head(&mut self, bytes: &mut BytesMut, seen: usize) -> Result<Option<Head>> {
        if may_end(bytes, seen)
            && let Some((head, size)) = head(bytes, self.of)?
        {
            self.bounded_head(size)?;
            bytes.advance(size);
            return Ok(Some(head));
        }
        self.bounded_head(bytes.len())?;
        self.state = State::Head(bytes.len());
        Ok(None)
    }

    fn chunk(&self, at: Chunk, body: &mut BytesMut, bytes: &mut BytesMut) -> Result<Progress> {
        match at {
            Chunk::Size if bytes.first().is_some_and(|byte| !byte.is_ascii_hexdigit()) => {
                Err(malformed("the size of a chunk is none"))
            }
            Chunk::Size => match httparse::parse_chunk_size(bytes) {
                Ok(httparse::Status::Complete((size, 0))) if size <= CHUNK_LINE => {
                    bytes.advance(size);
                    Ok(Progress::On(Chunk::Trailers(0)))
                }
                Ok(httparse::Status::Complete((size, length))) if size <= CHUNK_LINE => {
                    let length = self.bounded(body.len(), length)?;
                    bytes.advance(size);
                    Ok(Progress::On(Chunk::Data(length)))
                }
                Ok(httparse::Status::Partial) if bytes.len() < CHUNK_LINE => {
                    Ok(Progress::Waits(at))
                }
                _ => Err(malformed("the size of a chunk is none")),
            },
            Chunk::Data(length) if bytes.len() < length + 2 => Ok(Progress::Waits(at)),
            Chunk::Data(length) => {
                body.extend_from_slice(&bytes[..length]);
                if &bytes[length..length + 2] != b"\r\n" {
                    return Err(malformed("a chunk is longer than it says"));
                }
                bytes.advance(length + 2);
                Ok(Progress::On(Chunk::Size))
            }
            Chunk::Trailers(before) => {
                let line = bytes.iter().position(|byte| *byte == b'\n');
                let size = line.map_or(bytes.len(), |end| end + 1);
                self.bounded_head(before + size)?;
                if line.is_none() {
                    return Ok(Progress::Waits(at));
                }
                let is_last = matches!(&bytes[..size], b"\n" | b"\r\n");
                bytes.advance(size);
                match is_last {
                    true => Ok(Progress::Ends),
                    false => Ok(Progress::On(Chunk::Trailers(before + size))),
                }
            }
        }
    }

    fn bounded_head(&self, size: usize) -> Result<()> {
        match size > self.longest_head {
            true => Err(head_too_large(format_args!("{} bytes", self.longest_head))),
            false => Ok(()),
        }
    }

    /// `length` more bytes of a body that has `before`.
    fn bounded(&self, before: usize, length: u64) -> Result<usize> {
        let length = usize::try_from(length).ok();
        let fits = |length: &usize| before.saturating_add(*length) <= self.longest;
        length
            .filter(fits)
            .ok_or_else(|| too_large(ID, "a message of the stream", None, self.longest))
    }
}

/// How a chunked body goes on.
enum Progress {
    On(Chunk),
    Waits(Chunk),
    Ends,
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;
    use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};

    use super::{Decoder, Of};
    use crate::error::Result;
    use crate::limits::Limits;

    const HEAD: &str = "POST / HTTP/1.1\r\nHost: a\r\n";

    fn limits() -> Limits {
        Limits {
            message: 100,
            head: 1000,
            ..Limits::default()
        }
    }

    /// The bodies of all messages in `bytes`, which come in pieces of `piece` bytes.
    fn bodies(bytes: &[u8], piece: usize) -> Result<Vec<String>> {
        let mut decoder = Decoder::new(Of::Requests, &limits());
        let (mut buffer, mut found) = (BytesMut::new(), Vec::new());
        for piece in bytes.chunks(piece.max(1)) {
            buffer.extend_from_slice(piece);
            while let Some(message) = decoder.advance(&mut buffer)? {
                found.push(String::from_utf8_lossy(&message.body).into_owned());
            }
        }
        Ok(found)
    }

    fn chunked(body: &str) -> Result<Vec<String>> {
        bodies(
            format!("{HEAD}Transfer-Encoding: chunked\r\n\r\n{body}").as_bytes(),
            7,
        )
    }

    #[test]
    fn a_chunked_body_is_joined() {
        let body = "3;a=b\r\nHel\r\n02\r\nlo\r\n0\r\nTrailer: x\r\n\r\n";

        assert_eq!(chunked(body).unwrap(), ["Hello"]);
    }

    #[test]
    fn a_chunk_whose_size_is_none_is_refused() {
        for size in ["x", "-1", "", "FFFFFFFFFFFFFFFFF", "1 2"] {
            assert!(
                chunked(&format!("{size}\r\nHello\r\n")).is_err(),
                "{size:?}"
            );
        }
        assert!(chunked(&format!("1;{}", "a".repeat(300))).is_err());
        assert!(chunked("2\r\nHello\r\n").is_err());
    }

    #[test]
    fn a_body_over_the_limit_is_refused_before_it_comes() {
        let declared = format!("{HEAD}Content-Length: 101\r\n\r\n");
        let code = |refused: Result<Vec<String>>| refused.unwrap_err().code();

        assert_eq!(code(bodies(declared.as_bytes(), 1)), 413);
        assert_eq!(code(chunked("65\r\n")), 413);
        assert_eq!(code(chunked("FFFFFFFFFFFFFFFF\r\n")), 413);
        assert_eq!(
            code(chunked(&format!("64\r\n{}\r\n1\r\n", "a".repeat(100)))),
            413
        );
    }

    #[test]
    fn a_head_over_the_limit_is_refused() {
        let long = format!("{HEAD}a: {}", "b".repeat(1000));
        let trailers = format!("0\r\n{}", "a: b\r\n".repeat(300));

        assert_eq!(bodies(long.as_bytes(), 10).unwrap_err().code(), 431);
        assert_eq!(chunked(&trailers).unwrap_err().code(), 431);
    }

    #[test]
    fn what_is_over_a_limit_is_refused_in_whatever_pieces_it_comes() {
        let chunked = format!("{HEAD}Transfer-Encoding: chunked\r\n\r\n");
        let line =
            |length: usize| format!("{chunked}1;{}\r\nc\r\n0\r\n\r\n", "a".repeat(length - 4));
        let head =
            |length: usize| format!("{HEAD}a: {}\r\n\r\n", "b".repeat(length - HEAD.len() - 7));
        let trailers =
            |length: usize| format!("{chunked}0\r\na: {}\r\n\r\n", "b".repeat(length - 7));

        for piece in [1, 7, 10_000] {
            let taken =
                |text: String| bodies(text.as_bytes(), piece).is_ok_and(|found| found.len() == 1);
            assert!(taken(line(256)) && !taken(line(257)), "{piece}");
            assert!(taken(head(1000)) && !taken(head(1001)), "{piece}");
            assert!(taken(trailers(1000)) && !taken(trailers(1001)), "{piece}");
        }
    }

    proptest! {
        #[test]
        fn messages_are_the_same_however_their_bytes_come(piece in 1..80_usize) {
            let text = format!(
                "{HEAD}Content-Length: 2\r\n\r\nab{HEAD}\r\n{HEAD}Transfer-Encoding: chunked\r\n\r\n1\r\nc\r\n0\r\n\r\n\
                 {HEAD}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
            );

            prop_assert_eq!(bodies(text.as_bytes(), piece).unwrap(), ["ab", "", "c", ""]);
        }

        #[test]
        fn any_bytes_are_cut_or_refused(body in any::<Vec<u8>>(), chunked in any::<bool>(), piece in 1..20_usize) {
            let framing = if chunked { "Transfer-Encoding: chunked" } else { "Content-Length: 9" };
            let bytes = [format!("{HEAD}{framing}\r\n\r\n").as_bytes(), &body].concat();
            if let Ok(found) = bodies(&bytes, piece) {
                prop_assert!(found.iter().all(|body| body.len() <= 3 * 100));
            }
            let _ = bodies(&body, piece);
        }
    }
}
