//! The lines above a body: what they say, and how far the body goes.

use hyper::Method;
use hyper::header::{CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue, TRANSFER_ENCODING};

use super::{Head, ID, Of, Start, malformed};
use crate::error::{Error, Result};

/// How many headers a head has at most, as in the HTTP library.
pub(super) const HEADERS: usize = 100;

/// How far a body goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Extent {
    Bytes(u64),
    Chunked,
}

/// The head that `bytes` begin with and its length, if it is whole.
///
/// # Errors
///
/// `bad_request` if they are no head, 431 if it has too many lines.
pub(in super::super) fn head(bytes: &[u8], of: Of) -> Result<Option<(Head, usize)>> {
    let mut lines = [httparse::EMPTY_HEADER; HEADERS];
    let (size, start) = match of {
        Of::Requests => {
            let mut request = httparse::Request::new(&mut lines);
            let httparse::Status::Complete(size) = request.parse(bytes).map_err(no_head)? else {
                return Ok(None);
            };
            let method = Method::from_bytes(request.method.unwrap_or_default().as_bytes());
            let start = Start::Request {
                method: method.map_err(|_| malformed("its method is none"))?,
                path: request.path.unwrap_or_default().to_owned(),
            };
            (size, start)
        }
        Of::Replies => {
            let mut reply = httparse::Response::new(&mut lines);
            let httparse::Status::Complete(size) = reply.parse(bytes).map_err(no_head)? else {
                return Ok(None);
            };
            (size, Start::Reply(reply.code.unwrap_or_default()))
        }
    };
    let mut headers = HeaderMap::new();
    for line in lines.iter().take_while(|line| !line.name.is_empty()) {
        let name = HeaderName::from_bytes(line.name.as_bytes());
        let value = HeaderValue::from_bytes(line.value);
        let (Ok(name), Ok(value)) = (name, value) else {
            return Err(malformed("it has a header that is none"));
        };
        headers.append(name, value);
    }
    Ok(Some((Head { start, headers }, size)))
}

/// How far the body under `head` goes.
///
/// # Errors
///
/// `bad_request` if that can be read in two ways, or in none.
pub(in super::super) fn extent(head: &Head) -> Result<Extent> {
    let mut lengths = head.headers.get_all(CONTENT_LENGTH).iter();
    let mut codings = head.headers.get_all(TRANSFER_ENCODING).iter();
    match (
        lengths.next(),
        codings.next(),
        lengths.next(),
        codings.next(),
    ) {
        (Some(length), None, None, None) => {
            let digits = length.as_bytes();
            let text = str::from_utf8(digits).ok();
            let length = text.filter(|_| digits.iter().all(u8::is_ascii_digit));
            let length = length.and_then(|text| text.parse().ok());
            length
                .map(Extent::Bytes)
                .ok_or_else(|| malformed("its length is no number"))
        }
        (None, Some(coding), None, None) if coding.as_bytes().eq_ignore_ascii_case(b"chunked") => {
            Ok(Extent::Chunked)
        }
        (None, None, None, None) => Ok(Extent::Bytes(0)),
        _ => Err(malformed("it does not say how far its body goes")),
    }
}

/// True if a head may end in `bytes`, of which the first `seen` were looked at before.
pub(in super::super) fn may_end(bytes: &[u8], seen: usize) -> bool {
    let new = &bytes[seen.saturating_sub(2)..];
    new.windows(2).any(|two| two == b"\n\n") || new.windows(3).any(|three| three == b"\n\r\n")
}

fn no_head(error: httparse::Error) -> Error {
    match error {
        httparse::Error::TooManyHeaders => head_too_large(format_args!("{HEADERS} lines")),
        other => malformed("its head is none").with_source(other),
    }
}

pub(super) fn head_too_large(limit: std::fmt::Arguments<'_>) -> Error {
    Error::new(
        431,
        ID,
        format!("the head of a message is over the limit of {limit}"),
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop_assert_eq, proptest};

    use super::{Extent, Of, extent, head, may_end};

    fn body(headers: &str) -> Option<Extent> {
        let text = format!("POST / HTTP/1.1\r\n{headers}\r\n");
        let (head, _) = head(text.as_bytes(), Of::Requests).unwrap().unwrap();
        extent(&head).ok()
    }

    #[test]
    fn a_body_is_as_long_as_its_head_says() {
        assert_eq!(body("Content-Length: 12\r\n"), Some(Extent::Bytes(12)));
        assert_eq!(
            body("Transfer-Encoding: Chunked\r\n"),
            Some(Extent::Chunked)
        );
        assert_eq!(body(""), Some(Extent::Bytes(0)));
    }

    #[test]
    fn a_length_that_can_be_read_in_two_ways_is_refused() {
        for headers in [
            "Content-Length: 1\r\nContent-Length: 2\r\n",
            "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n",
            "Transfer-Encoding: gzip, chunked\r\n",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
            "Content-Length: +1\r\n",
            "Content-Length: 1,1\r\n",
            "Content-Length: 99999999999999999999\r\n",
            "Content-Length:\r\n",
        ] {
            assert_eq!(body(headers), None, "{headers}");
        }
    }

    #[test]
    fn a_head_of_too_many_lines_is_431() {
        let text = format!("POST / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(101));

        assert_eq!(head(text.as_bytes(), Of::Requests).unwrap_err().code(), 431);
    }

    proptest! {
        #[test]
        fn any_bytes_can_be_read(start in any::<bool>(), bytes in any::<Vec<u8>>()) {
            let bytes = if start { [b"POST / HTTP/1.1\r\n", &*bytes].concat() } else { bytes };
            for of in [Of::Requests, Of::Replies] {
                if let Ok(Some((head, _))) = head(&bytes, of) {
                    let _ = extent(&head);
                }
            }
        }

        #[test]
        fn a_head_is_read_no_sooner_than_it_may_end(at in 0..60_usize, seen in 0..60_usize) {
            let text = "POST / HTTP/1.1\r\nHost: a\r\nMicro-Stream: 0\r\n\r\nrest of the bytes";
            let (at, end) = (at.min(text.len()), text.find("rest").unwrap());

            let whole = head(&text.as_bytes()[..at], Of::Requests).unwrap().is_some();

            prop_assert_eq!(whole, at >= end);
            prop_assert_eq!(may_end(&text.as_bytes()[..at], seen.min(at.min(end - 1))), whole);
        }
    }
}
