//! Strings.

use std::fmt;

use serde::de::{Deserializer, Error, Visitor};
use serde::ser::Serializer;

use super::{Fault, Field, Form, Input, Kind, Label, Many, Single, WireType};
use crate::codec::wire;

const EXPECTED: &str = "a string";

/// The form of strings.
#[derive(Debug)]
pub struct Text;

impl Field for String {
    type Form = Text;
}

impl Form<String> for Text {
    type Slot = String;

    standard!(String);

    #[inline]
    fn encode(value: &String, tag: u32, out: &mut Vec<u8>) {
        if !value.is_empty() {
            Self::put(value, tag, out);
        }
    }

    #[inline]
    fn merge(slot: &mut String, wire: WireType, input: &mut Input<'_>) -> Result<(), Fault> {
        if wire != WireType::LengthDelimited {
            return Err(Fault::mismatch(EXPECTED, wire));
        }
        match str::from_utf8(input.bytes()?) {
            Ok(text) => text.clone_into(slot),
            Err(_) => {
                return Err(Fault::new(
                    "expected a string, found bytes that are not UTF-8",
                ));
            }
        }
        Ok(())
    }

    #[inline]
    fn finish(slot: String) -> Result<String, Fault> {
        Ok(slot)
    }

    #[inline]
    fn is_absent(value: &String) -> bool {
        value.is_empty()
    }

    #[inline]
    fn serialize<S: Serializer>(value: &String, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(value)
    }

    fn read<'de, D: Deserializer<'de>>(slot: &mut String, deserializer: D) -> Result<(), D::Error> {
        *slot = deserializer.deserialize_any(TextVisitor)?;
        Ok(())
    }

    fn describe() -> (Label, Kind) {
        (Label::Plain, Kind::Scalar("string"))
    }
}

impl Single<String> for Text {
    type Once = Self;
    type Repeated = Many<Self>;

    #[inline]
    fn put(value: &String, tag: u32, out: &mut Vec<u8>) {
        wire::bytes(tag, value.as_bytes(), out);
    }
}

struct TextVisitor;

impl Visitor<'_> for TextVisitor {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(EXPECTED)
    }

    fn visit_unit<E>(self) -> Result<String, E> {
        Ok(String::new())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<String, E> {
        Ok(text.to_owned())
    }

    fn visit_string<E: Error>(self, text: String) -> Result<String, E> {
        Ok(text)
    }
}
