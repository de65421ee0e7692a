//! Enums without fields: numbers when written, numbers or names when read.

use std::fmt;
use std::marker::PhantomData;

use prost::encoding::{encode_key, encode_varint};
use serde::de::{DeserializeOwned, Deserializer, Error, Visitor};
use serde::ser::{Serialize, Serializer};

use super::list::Packable;
use super::{Fault, Field, Form, Input, Kind, Label, Packed, Single, WireType};
use crate::codec::schema::{Schema, screaming};

const EXPECTED: &str = "a variant's number";

/// The form of enums.
#[derive(Debug)]
pub struct Choice;

/// An enum without fields. Its default has the number 0.
pub trait Enumeration: Field<Form = Choice> + Default + Serialize + DeserializeOwned {
    /// Its name.
    const NAME: &'static str;

    /// The number of the variant.
    fn number(&self) -> i32;

    /// The variant of this number, or the one that keeps unknown numbers.
    fn from_number(number: i32) -> Option<Self>;

    /// The variant of this name, in Rust or in a proto file, there without that of the enum before it.
    fn from_name(name: &str) -> Option<Self>;

    /// What it looks like.
    fn schema() -> Schema;
}

fn found<T: Enumeration>(number: i64) -> Result<T, Fault> {
    let variant = i32::try_from(number).ok().and_then(T::from_number);
    variant.ok_or_else(|| Fault::new(format!("{} has no variant of the number {number}", T::NAME)))
}

impl<T: Enumeration> Form<T> for Choice {
    type Slot = T;

    standard!(T);

    #[inline]
    fn encode(value: &T, tag: u32, out: &mut Vec<u8>) {
        if value.number() != 0 {
            Self::put(value, tag, out);
        }
    }

    #[inline]
    fn merge(slot: &mut T, wire: WireType, input: &mut Input<'_>) -> Result<(), Fault> {
        if wire != WireType::Varint {
            return Err(Fault::mismatch(EXPECTED, wire));
        }
        *slot = <Self as Packable<T>>::take(input)?;
        Ok(())
    }

    #[inline]
    fn finish(slot: T) -> Result<T, Fault> {
        Ok(slot)
    }

    #[inline]
    fn is_absent(value: &T) -> bool {
        value.number() == 0
    }

    #[inline]
    fn serialize<S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
        value.serialize(serializer)
    }

    fn read<'de, D: Deserializer<'de>>(slot: &mut T, deserializer: D) -> Result<(), D::Error> {
        *slot = T::deserialize(deserializer)?;
        Ok(())
    }

    fn describe() -> (Label, Kind) {
        (Label::Plain, Kind::Named(T::schema))
    }
}

impl<T: Enumeration> Single<T> for Choice {
    type Once = Self;
    type Repeated = Packed<Self>;

    #[inline]
    fn put(value: &T, tag: u32, out: &mut Vec<u8>) {
        encode_key(tag, WireType::Varint, out);
        <Self as Packable<T>>::append(value, out);
    }
}

impl<T: Enumeration> Packable<T> for Choice {
    const WIRE: WireType = WireType::Varint;
    const EXPECTED: &'static str = EXPECTED;

    #[inline]
    fn append(value: &T, out: &mut Vec<u8>) {
        encode_varint(value.number() as u64, out);
    }

    #[inline]
    fn take(input: &mut Input<'_>) -> Result<T, Fault> {
        // As everywhere in protobuf, the upper half is cut off.
        found(i64::from(input.varint()? as i32))
    }
}

/// The variant of this name in a proto file: the name of the enum stands before it.
fn from_full_name<T: Enumeration>(name: &str) -> Option<T> {
    let name = name.strip_prefix(&screaming(T::NAME))?;
    T::from_name(name.strip_prefix('_')?)
}

/// Writes the number of the variant.
///
/// # Errors
///
/// The serializer's own.
pub fn serialize_choice<T: Enumeration, S: Serializer>(
    value: &T,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_i32(value.number())
}

/// Reads a variant by its number or name.
///
/// # Errors
///
/// If there is none of them.
pub fn deserialize_choice<'de, T: Enumeration, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    deserializer.deserialize_any(ChoiceVisitor(PhantomData))
}

struct ChoiceVisitor<T>(PhantomData<T>);

impl<T: Enumeration> Visitor<'_> for ChoiceVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the number or name of a variant of {}", T::NAME)
    }

    fn visit_unit<E>(self) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<T, E> {
        found(number).map_err(E::custom)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<T, E> {
        found(i64::try_from(number).unwrap_or(i64::MAX)).map_err(E::custom)
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<T, E> {
        if number.fract() == 0.0 {
            return found(number as i64).map_err(E::custom);
        }
        Err(E::invalid_type(serde::de::Unexpected::Float(number), &self))
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<T, E> {
        if let Some(variant) = T::from_name(name).or_else(|| from_full_name(name)) {
            return Ok(variant);
        }
        match name.parse() {
            Ok(number) => found(number).map_err(E::custom),
            Err(_) => Err(E::invalid_value(serde::de::Unexpected::Str(name), &self)),
        }
    }
}
