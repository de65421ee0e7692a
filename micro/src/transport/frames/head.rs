//! The heads of calls and replies: who is called, how bodies are written, the time left, metadata.

use std::borrow::Cow;
use std::time::{Duration, Instant};

use super::Broken;
use super::frame::LONGEST_HEAD;
use crate::message::{ContentType, Request, Response};
use crate::metadata::Metadata;

/// How many endpoints of a connection get a number.
pub(super) const NUMBERED: usize = 4096;

/// The content types that have a number; 0 is followed by the name of another.
const TYPES: [ContentType; 3] = [
    ContentType::JSON,
    ContentType::MSGPACK,
    ContentType::PROTOBUF,
];

/// How many pairs of metadata are read.
const PAIRS: usize = 256;

/// In the place of the type of the reply: the type of the request.
const SAME: u8 = 255;

/// The endpoint called: by its number, or by name.
pub(super) enum Endpoint<'a> {
    Numbered(usize),
    Named(&'a str, &'a str),
}

/// The head of a call as it lies in a frame.
pub(super) struct CallHead<'a> {
    pub(super) endpoint: Endpoint<'a>,
    pub(super) content_type: ContentType,
    pub(super) accept: Option<ContentType>,
    pub(super) left: Option<Duration>,
    pub(super) metadata: Metadata,
}

/// Writes the head of a call, with its length before it. `number` is that of the endpoint, if it has one.
pub(super) fn write_call(out: &mut Vec<u8>, request: &Request, number: Option<usize>) {
    with_length(out, |out| {
        match number {
            Some(number) => varint(out, number as u64 + 1),
            None => {
                varint(out, 0);
                text(out, &request.service);
                text(out, &request.endpoint);
            }
        }
        content_type(out, &request.content_type);
        match &request.accept {
            Some(accept) if *accept != request.content_type => content_type(out, accept),
            _ => out.push(SAME),
        }
        let left = request
            .deadline
            .map(|deadline| deadline.saturating_duration_since(Instant::now()));
        // Zero is without end; what is over is one microsecond from it.
        let left = left.map_or(0, |left| {
            u64::try_from(left.as_micros()).unwrap_or(u64::MAX).max(1)
        });
        varint(out, left);
        metadata(out, &request.metadata);
    });
}

/// Writes the head of a reply, with its length before it.
pub(super) fn write_reply(out: &mut Vec<u8>, response: &Response) {
    with_length(out, |out| {
        content_type(out, &response.content_type);
        metadata(out, &response.metadata);
    });
}

/// The head at the front of a frame's payload, and what follows it.
pub(super) fn read_call(payload: &[u8]) -> Result<(CallHead<'_>, &[u8]), Broken> {
    let mut input = Input(payload);
    let length = input.length()?;
    let mut head = Input(input.bytes(length)?);
    let endpoint = match head.varint()? {
        0 => Endpoint::Named(head.text()?, head.text()?),
        number => Endpoint::Numbered(usize::try_from(number - 1).unwrap_or(usize::MAX)),
    };
    let content_type = head.content_type()?.ok_or(SHORT)?;
    let accept = head.content_type()?;
    let left = match head.varint()? {
        0 => None,
        left => Some(Duration::from_micros(left)),
    };
    let metadata = head.metadata()?;
    let head = CallHead {
        endpoint,
        content_type,
        accept,
        left,
        metadata,
    };
    Ok((head, input.0))
}

/// The head at the front of a frame's payload, and what follows it.
pub(super) fn read_reply(payload: &[u8]) -> Result<(ContentType, Metadata, &[u8]), Broken> {
    let mut input = Input(payload);
    let length = input.length()?;
    let mut head = Input(input.bytes(length)?);
    let content_type = head.content_type()?.ok_or(SHORT)?;
    Ok((content_type, head.metadata()?, input.0))
}

/// True if a head with this metadata, and names of usual length, fits in a frame.
pub(super) fn fits(metadata: &Metadata, names: usize) -> bool {
    // Three bytes hold the length of each text that can fit.
    let pairs = metadata
        .iter()
        .map(|(name, value)| name.len() + value.len() + 6);
    pairs.sum::<usize>() + names + 64 <= LONGEST_HEAD && metadata.len() <= PAIRS
}

const SHORT: Broken = Broken("a head is cut short");

/// What `write` writes, with its length before it, in two bytes of a varint that always has room.
fn with_length(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let at = out.len();
    out.extend_from_slice(&[0; 3]);
    write(out);
    // Three groups of seven bits hold more than the longest head.
    let length = out.len() - at - 3;
    out[at] = (length & 0x7f) as u8 | 0x80;
    out[at + 1] = (length >> 7 & 0x7f) as u8 | 0x80;
    out[at + 2] = (length >> 14 & 0x7f) as u8;
}

fn varint(out: &mut Vec<u8>, mut number: u64) {
    while number > 0x7f {
        out.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn text(out: &mut Vec<u8>, text: &str) {
    varint(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

fn content_type(out: &mut Vec<u8>, content_type: &ContentType) {
    let number = TYPES.iter().position(|own| own == content_type);
    match number {
        Some(number) => out.push(number as u8 + 1),
        None => {
            out.push(0);
            text(out, content_type.as_str());
        }
    }
}

fn metadata(out: &mut Vec<u8>, metadata: &Metadata) {
    for (name, value) in metadata.iter() {
        text(out, name);
        text(out, value);
    }
}

/// What is left to be read.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn byte(&mut self) -> Result<u8, Broken> {
        let (first, rest) = self.0.split_first().ok_or(SHORT)?;
        self.0 = rest;
        Ok(*first)
    }

    fn bytes(&mut self, length: usize) -> Result<&'a [u8], Broken> {
        let (bytes, rest) = self.0.split_at_checked(length).ok_or(SHORT)?;
        self.0 = rest;
        Ok(bytes)
    }

    fn varint(&mut self) -> Result<u64, Broken> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(Broken("a number in a head has no end"))
    }

    fn length(&mut self) -> Result<usize, Broken> {
        usize::try_from(self.varint()?).map_err(|_| SHORT)
    }

    fn text(&mut self) -> Result<&'a str, Broken> {
        let length = self.length()?;
        let bytes = self.bytes(length)?;
        str::from_utf8(bytes).map_err(|_| Broken("a head is not in UTF-8"))
    }

    fn content_type(&mut self) -> Result<Option<ContentType>, Broken> {
        match self.byte()? {
            SAME => Ok(None),
            0 => self.text().map(|name| Some(ContentType::new(name))),
            number => match TYPES.get(usize::from(number) - 1) {
                Some(known) => Ok(Some(known.clone())),
                None => Err(Broken("a content type has an unknown number")),
            },
        }
    }

    /// The pairs up to the end.
    fn metadata(&mut self) -> Result<Metadata, Broken> {
        let mut metadata = Metadata::new();
        while !self.0.is_empty() {
            if metadata.len() >= PAIRS {
                return Err(Broken("a head has too many pairs of metadata"));
            }
            metadata.set(self.text()?, self.text()?);
        }
        Ok(metadata)
    }
}

/// The longest names that get a number, together.
const LONGEST_NAMES: usize = 512;

/// True if these names may have a number.
pub(super) fn is_numbered(service: &str, endpoint: &str) -> bool {
    service.len() + endpoint.len() <= LONGEST_NAMES
}

/// Writes what [`Endpoints::define`] reads.
pub(super) fn write_names(out: &mut Vec<u8>, service: &str, endpoint: &str) {
    text(out, service);
    text(out, endpoint);
}

/// The names of an endpoint: service, and endpoint.
pub(super) type Names = (Cow<'static, str>, Cow<'static, str>);

/// The names that have numbers, in the order in which they came.
#[derive(Default)]
pub(super) struct Endpoints(Vec<Names>);

impl Endpoints {
    /// Gives the next number to the names in `payload`.
    pub(super) fn define(&mut self, payload: &[u8]) -> Result<(), Broken> {
        let mut input = Input(payload);
        let (service, endpoint) = (input.text()?, input.text()?);
        if self.0.len() >= NUMBERED || !is_numbered(service, endpoint) {
            return Err(Broken("an endpoint may not have a number"));
        }
        self.0
            .push((service.to_owned().into(), endpoint.to_owned().into()));
        Ok(())
    }

    /// The names of the endpoint called.
    pub(super) fn resolve(&self, endpoint: &Endpoint<'_>) -> Result<Names, Broken> {
        match *endpoint {
            Endpoint::Named(service, endpoint) => {
                Ok((service.to_owned().into(), endpoint.to_owned().into()))
            }
            Endpoint::Numbered(number) => {
                let known = self.0.get(number);
                known
                    .cloned()
                    .ok_or(Broken("an endpoint has an unknown number"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use proptest::prelude::*;

    use super::{
        Endpoint, Endpoints, fits, read_call, read_reply, write_call, write_names, write_reply,
    };
    use crate::message::{Body, ContentType, Request, Response};

    fn request() -> Request {
        let mut request = Request::new("greeter", "Greeter.Hello");
        request.content_type = ContentType::MSGPACK;
        request.accept = Some(ContentType::new("application/x-own"));
        request.metadata.set("x-user", "42");
        request.deadline = Some(Instant::now() + Duration::from_secs(5));
        request
    }

    #[test]
    fn the_head_of_a_call_is_read_as_it_was_written() {
        let mut out = Vec::new();
        write_call(&mut out, &request(), None);
        out.extend_from_slice(b"body");

        let (head, body) = read_call(&out).unwrap();

        assert_eq!(body, b"body");
        assert!(matches!(
            head.endpoint,
            Endpoint::Named("greeter", "Greeter.Hello")
        ));
        assert_eq!(head.content_type, ContentType::MSGPACK);
        assert_eq!(head.accept, request().accept);
        assert_eq!(head.metadata, request().metadata);
        let left = head.left.unwrap();
        assert!(
            left <= Duration::from_secs(5) && left > Duration::from_secs(4),
            "{left:?}"
        );
    }

    #[test]
    fn the_head_of_a_reply_is_read_as_it_was_written() {
        let mut response = Response::new(ContentType::JSON, Body::default());
        response.metadata.set("x-cost", "7");
        let mut out = Vec::new();
        write_reply(&mut out, &response);
        out.extend_from_slice(b"body");

        let (content_type, metadata, body) = read_reply(&out).unwrap();

        assert_eq!((content_type, body), (ContentType::JSON, &b"body"[..]));
        assert_eq!(metadata, response.metadata);
    }

    #[test]
    fn a_number_stands_for_the_names_that_got_it() {
        let (mut endpoints, mut names) = (Endpoints::default(), Vec::new());
        write_names(&mut names, "greeter", "Greeter.Hello");
        endpoints.define(&names).unwrap();

        let known = endpoints.resolve(&Endpoint::Numbered(0)).unwrap();

        assert_eq!(known, ("greeter".into(), "Greeter.Hello".into()));
        assert!(endpoints.resolve(&Endpoint::Numbered(1)).is_err());
    }

    #[test]
    fn the_largest_head_that_fits_is_read() {
        let mut request = request();
        request.metadata.set("x", &"y".repeat(48_000));
        assert!(fits(&request.metadata, 20));
        let mut out = Vec::new();
        write_call(&mut out, &request, None);

        assert_eq!(read_call(&out).unwrap().0.metadata, request.metadata);
        request.metadata.set("x", &"y".repeat(50_000));
        assert!(!fits(&request.metadata, 20));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>) {
            let _ = read_call(&bytes);
            let _ = read_reply(&bytes);
            let _ = Endpoints::default().define(&bytes);
        }
    }
}
