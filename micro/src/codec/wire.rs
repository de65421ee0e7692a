//! The protobuf wire: keys, numbers and lengths, and what may be wrong with them.
//!
//! Used by the forms of fields; knows no field. Encoding goes into one `Vec` in one pass.

use std::borrow::Cow;
use std::fmt;

pub use prost::encoding::WireType;
use prost::encoding::{
    DecodeContext, decode_key, decode_varint, encode_key, encode_varint, encoded_len_varint,
    skip_field,
};

/// How deep messages may be nested, as in other implementations of protobuf.
const DEPTH: u8 = 100;

/// Encoded bytes that are read from the front, and how many messages they may still open.
#[derive(Clone, Debug)]
pub struct Input<'a> {
    rest: &'a [u8],
    depth: u8,
}

impl<'a> Input<'a> {
    /// Reads one whole message.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self {
            rest: bytes,
            depth: DEPTH,
        }
    }

    /// True if nothing is left.
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The tag of the next field and how its value is written; `None` at the end.
    ///
    /// # Errors
    ///
    /// If the bytes are no key.
    #[inline]
    pub fn key(&mut self) -> Result<Option<(u32, WireType)>, Fault> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        Ok(Some(decode_key(&mut self.rest)?))
    }

    /// A number of variable length.
    ///
    /// # Errors
    ///
    /// If the bytes end within it, or it is longer than 64 bits.
    #[inline]
    pub fn varint(&mut self) -> Result<u64, Fault> {
        Ok(decode_varint(&mut self.rest)?)
    }

    /// A number of `N` bytes.
    ///
    /// # Errors
    ///
    /// If there are fewer.
    #[inline]
    pub fn fixed<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let (found, rest) = self.rest.split_first_chunk().ok_or_else(Fault::early_end)?;
        self.rest = rest;
        Ok(*found)
    }

    /// Bytes behind their length.
    ///
    /// # Errors
    ///
    /// If there are fewer.
    #[inline]
    pub fn bytes(&mut self) -> Result<&'a [u8], Fault> {
        let len = self.varint()?;
        let (found, rest) = usize::try_from(len)
            .ok()
            .and_then(|len| self.rest.split_at_checked(len))
            .ok_or_else(Fault::early_end)?;
        self.rest = rest;
        Ok(found)
    }

    /// Numbers without keys behind their length in bytes.
    ///
    /// # Errors
    ///
    /// If there are fewer bytes.
    pub fn packed(&mut self) -> Result<Self, Fault> {
        Ok(Self {
            rest: self.bytes()?,
            depth: self.depth,
        })
    }

    /// A message behind its length.
    ///
    /// # Errors
    ///
    /// If there are fewer bytes, or 100 messages are open.
    #[inline]
    pub fn nested(&mut self) -> Result<Self, Fault> {
        let Some(depth) = self.depth.checked_sub(1) else {
            return Err(Fault::new(format!(
                "more than {DEPTH} messages within each other"
            )));
        };
        Ok(Self {
            rest: self.bytes()?,
            depth,
        })
    }

    /// Passes over a field that is not known.
    ///
    /// # Errors
    ///
    /// If the bytes end within it, or it is nested too deep.
    #[cold]
    pub fn skip(&mut self, tag: u32, wire: WireType) -> Result<(), Fault> {
        Ok(skip_field(
            wire,
            tag,
            &mut self.rest,
            DecodeContext::default(),
        )?)
    }
}

/// Appends a key and what `body` appends, behind its length.
///
/// The place of a length under 128 is left open and filled; what is longer is moved up.
#[inline]
pub fn nested(tag: u32, out: &mut Vec<u8>, body: impl FnOnce(&mut Vec<u8>)) {
    encode_key(tag, WireType::LengthDelimited, out);
    let place = out.len();
    out.push(0);
    body(out);
    let len = out.len() - place - 1;
    match u8::try_from(len) {
        Ok(short) if short < 0x80 => out[place] = short,
        _ => widen(out, place, len),
    }
}

fn widen(out: &mut Vec<u8>, place: usize, len: usize) {
    let mut value = len as u64;
    let more = encoded_len_varint(value) - 1;
    let end = out.len();
    out.resize(end + more, 0);
    out.copy_within(place + 1..end, place + 1 + more);
    for byte in &mut out[place..place + more] {
        *byte = value as u8 | 0x80;
        value >>= 7;
    }
    out[place + more] = value as u8;
}

/// Appends a key and bytes behind their length.
#[inline]
pub(super) fn bytes(tag: u32, bytes: &[u8], out: &mut Vec<u8>) {
    encode_key(tag, WireType::LengthDelimited, out);
    encode_varint(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

/// Why bytes are not the message expected, and in which field.
#[derive(Debug)]
pub struct Fault(Box<Inner>);

#[derive(Debug)]
struct Inner {
    reason: Cow<'static, str>,
    /// Innermost first.
    path: Vec<Step>,
}

#[derive(Debug)]
enum Step {
    Field(&'static str),
    Index(usize),
}

impl Fault {
    /// A fault at the place where it is found.
    #[cold]
    pub fn new(reason: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner {
            reason: reason.into(),
            path: Vec::new(),
        }))
    }

    /// `expected` is what the field takes, such as `a string`.
    #[cold]
    pub fn mismatch(expected: &str, found: WireType) -> Self {
        let found = match found {
            WireType::Varint => "a varint",
            WireType::SixtyFourBit => "8 bytes",
            WireType::LengthDelimited => "bytes behind their length",
            WireType::StartGroup | WireType::EndGroup => "a group",
            WireType::ThirtyTwoBit => "4 bytes",
        };
        Self::new(format!("expected {expected}, found {found}"))
    }

    /// The same, in a field of the message around it.
    #[cold]
    #[must_use]
    pub fn within(mut self, field: &'static str) -> Self {
        self.0.path.push(Step::Field(field));
        self
    }

    /// The same, in an element of the list around it.
    #[cold]
    #[must_use]
    pub fn at(mut self, index: usize) -> Self {
        self.0.path.push(Step::Index(index));
        self
    }

    #[cold]
    fn early_end() -> Self {
        Self::new("the bytes end within a value")
    }

    /// The field in which it is, such as `users[3].name`; empty if it is in none.
    pub(super) fn path(&self) -> String {
        let mut path = String::new();
        for step in self.0.path.iter().rev() {
            match step {
                Step::Field(name) if path.is_empty() => path.push_str(name),
                Step::Field(name) => path.extend([".", name]),
                Step::Index(index) => path.push_str(&format!("[{index}]")),
            }
        }
        path
    }

    /// What is wrong there.
    pub(super) fn reason(&self) -> &str {
        &self.0.reason
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.0.path.is_empty() {
            write!(f, "{}: ", self.path())?;
        }
        f.write_str(self.reason())
    }
}

impl std::error::Error for Fault {}

impl From<prost::DecodeError> for Fault {
    #[cold]
    fn from(source: prost::DecodeError) -> Self {
        let text = source.to_string();
        // The prefix names the format, which the message around it does already.
        let reason = text
            .strip_prefix("failed to decode Protobuf message: ")
            .unwrap_or(&text);
        Self::new(reason.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Fault, Input, WireType, nested};

    proptest! {
        #[test]
        fn a_nested_body_is_read_back_whatever_its_length(len in 0_usize..40_000) {
            let body = vec![7; len];
            let mut out = vec![1];

            nested(1, &mut out, |out| out.extend_from_slice(&body));

            let mut input = Input::new(&out[1..]);
            prop_assert_eq!(input.key().unwrap(), Some((1, WireType::LengthDelimited)));
            prop_assert_eq!(input.bytes().unwrap(), body);
            prop_assert!(input.is_empty());
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
            let mut input = Input::new(&bytes);
            while let Ok(Some((tag, wire))) = input.key() {
                if input.skip(tag, wire).is_err() {
                    break;
                }
            }
        }
    }

    #[test]
    fn a_fault_names_the_way_to_its_field() {
        let fault = Fault::new("too long").within("name").at(3).within("users");

        assert_eq!(fault.to_string(), "users[3].name: too long");
    }

    #[test]
    fn a_length_beyond_the_end_is_a_fault() {
        let mut input = Input::new(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]);

        assert!(input.bytes().is_err());
    }
}
