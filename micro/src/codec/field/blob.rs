//! Bytes: base64 where the format is text, bare where it is not.

use std::fmt;

use base64::alphabet;
use base64::display::Base64Display;
use base64::engine::{
    DecodePaddingMode, Engine as _, GeneralPurpose, GeneralPurposeConfig, general_purpose,
};
use bytes::Bytes;
use serde::de::{Deserializer, Error, SeqAccess, Unexpected, Visitor};
use serde::ser::Serializer;

use super::{Datum, Fault, Field, Form, Input, Kind, Label, Many, Single, WireType, cautious};
use crate::codec::wire;

const EXPECTED: &str = "bytes";

// Readers of protobuf's JSON take both alphabets, with padding or without.
const LENIENT: GeneralPurposeConfig =
    general_purpose::NO_PAD.with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// The form of `Bytes` and of lists of `u8`.
#[derive(Debug)]
pub struct Octets;

impl Field for Bytes {
    type Form = Octets;
}

impl<T> Form<T> for Octets
where
    T: AsRef<[u8]> + From<Vec<u8>> + Datum,
{
    type Slot = T;

    standard!(T);

    #[inline]
    fn encode(value: &T, tag: u32, out: &mut Vec<u8>) {
        if !value.as_ref().is_empty() {
            Self::put(value, tag, out);
        }
    }

    #[inline]
    fn merge(slot: &mut T, wire: WireType, input: &mut Input<'_>) -> Result<(), Fault> {
        if wire != WireType::LengthDelimited {
            return Err(Fault::mismatch(EXPECTED, wire));
        }
        *slot = input.bytes()?.to_vec().into();
        Ok(())
    }

    #[inline]
    fn finish(slot: T) -> Result<T, Fault> {
        Ok(slot)
    }

    #[inline]
    fn is_absent(value: &T) -> bool {
        value.as_ref().is_empty()
    }

    fn serialize<S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(&Base64Display::new(
                value.as_ref(),
                &general_purpose::STANDARD,
            ))
        } else {
            serializer.serialize_bytes(value.as_ref())
        }
    }

    fn read<'de, D: Deserializer<'de>>(slot: &mut T, deserializer: D) -> Result<(), D::Error> {
        let text_is_base64 = deserializer.is_human_readable();
        *slot = deserializer
            .deserialize_any(OctetsVisitor { text_is_base64 })?
            .into();
        Ok(())
    }

    fn describe() -> (Label, Kind) {
        (Label::Plain, Kind::Scalar("bytes"))
    }
}

impl<T> Single<T> for Octets
where
    T: AsRef<[u8]> + From<Vec<u8>> + Datum,
{
    type Once = Self;
    type Repeated = Many<Self>;

    #[inline]
    fn put(value: &T, tag: u32, out: &mut Vec<u8>) {
        wire::bytes(tag, value.as_ref(), out);
    }
}

struct OctetsVisitor {
    text_is_base64: bool,
}

impl<'de> Visitor<'de> for OctetsVisitor {
    type Value = Vec<u8>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.text_is_base64 {
            "bytes in base64"
        } else {
            EXPECTED
        })
    }

    fn visit_unit<E>(self) -> Result<Vec<u8>, E> {
        Ok(Vec::new())
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
        Ok(bytes.to_vec())
    }

    fn visit_byte_buf<E: Error>(self, bytes: Vec<u8>) -> Result<Vec<u8>, E> {
        Ok(bytes)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Vec<u8>, E> {
        if !self.text_is_base64 {
            return Ok(text.as_bytes().to_vec());
        }
        let engine = if text.contains(['-', '_']) {
            URL_SAFE
        } else {
            STANDARD
        };
        engine
            .decode(text)
            .map_err(|_| E::invalid_value(Unexpected::Str(text), &self))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<u8>, A::Error> {
        let mut bytes = Vec::with_capacity(cautious::<u8>(list.size_hint()));
        while let Some(byte) = list.next_element()? {
            bytes.push(byte);
        }
        Ok(bytes)
    }
}
