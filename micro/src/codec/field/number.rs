//! Whole numbers, floating point numbers and truth values.

use std::fmt;
use std::marker::PhantomData;

use prost::encoding::{encode_key, encode_varint};
use serde::de::{Deserializer, Error, Unexpected, Visitor};
use serde::ser::Serializer;

use super::list::Packable;
use super::{Fault, Field, Form, Input, Kind, Label, Octets, Packed, Single, WireType};

/// The form of numbers: named formats take them bare or in quotes.
#[derive(Debug)]
pub struct Number;

/// A number as it stands in one format or another.
#[derive(Clone, Copy, Debug)]
pub enum Given<'a> {
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Signed(i64),
    /// A whole number.
    Unsigned(u64),
    /// Any number.
    Float(f64),
    /// A number in quotes, or as the key of a map.
    Text(&'a str),
}

/// A type of number.
pub trait Scalar: Field<Form = Number> + Copy + Default {
    /// How it is written without its key.
    const WIRE: WireType;
    /// The type in a proto file.
    const NAME: &'static str;
    /// The values, for people.
    const EXPECTED: &'static str;
    /// The form of a list.
    type Repeated: Form<Vec<Self>>;

    /// True if an absent field says the same.
    fn is_zero(self) -> bool;

    /// Appends it without a key.
    fn append(self, out: &mut Vec<u8>);

    /// Reads it without a key.
    ///
    /// # Errors
    ///
    /// If the bytes end, or the number is out of range.
    fn take(input: &mut Input<'_>) -> Result<Self, Fault>;

    /// What was found in a named format, if it is a number of this type.
    fn from_given(given: Given<'_>) -> Option<Self>;

    /// Writes it in a named format.
    ///
    /// # Errors
    ///
    /// The serializer's own.
    fn serialize<S: Serializer>(self, serializer: S) -> Result<S::Ok, S::Error>;
}

macro_rules! whole_numbers {
    ($($type:ident as $wide:ident, $name:literal, $repeated:ty, $expected:literal;)*) => {$(
        impl Field for $type {
            type Form = Number;
        }

        impl Scalar for $type {
            const WIRE: WireType = WireType::Varint;
            const NAME: &'static str = $name;
            const EXPECTED: &'static str = $expected;
            type Repeated = $repeated;

            #[inline]
            fn is_zero(self) -> bool {
                self == 0
            }

            #[inline]
            fn append(self, out: &mut Vec<u8>) {
                // Negative numbers are written with the bits of 64, as the format says.
                encode_varint(self as u64, out);
            }

            #[inline]
            fn take(input: &mut Input<'_>) -> Result<Self, Fault> {
                let number = input.varint()? as $wide;
                Self::try_from(number).map_err(|_| Fault::new(format!("expected {}, found {number}", $expected)))
            }

            fn from_given(given: Given<'_>) -> Option<Self> {
                match whole(given) {
                    Given::Signed(number) => Self::try_from(number).ok(),
                    Given::Unsigned(number) => Self::try_from(number).ok(),
                    Given::Text(text) => text.parse().ok(),
                    Given::Bool(_) | Given::Float(_) => None,
                }
            }

            #[inline]
            fn serialize<S: Serializer>(self, serializer: S) -> Result<S::Ok, S::Error> {
                serde::Serialize::serialize(&self, serializer)
            }
        }
    )*};
}

whole_numbers! {
    u8 as u32, "uint32", Octets, "a whole number from 0 to 255";
    u16 as u32, "uint32", Packed<Number>, "a whole number from 0 to 65535";
    u32 as u32, "uint32", Packed<Number>, "a whole number from 0 to 4294967295";
    u64 as u64, "uint64", Packed<Number>, "a whole number of 64 bits, not negative";
    i8 as i32, "int32", Packed<Number>, "a whole number from -128 to 127";
    i16 as i32, "int32", Packed<Number>, "a whole number from -32768 to 32767";
    i32 as i32, "int32", Packed<Number>, "a whole number of 32 bits";
    i64 as i64, "int64", Packed<Number>, "a whole number of 64 bits";
}

/// A number without a fraction is whole, however it is written.
fn whole(given: Given<'_>) -> Given<'_> {
    match given {
        Given::Float(float) if float.fract() != 0.0 => given,
        // The bounds are the first powers of two that do not fit.
        Given::Float(float) if (0.0..18_446_744_073_709_551_616.0).contains(&float) => {
            Given::Unsigned(float as u64)
        }
        Given::Float(float) if (-9_223_372_036_854_775_808.0..0.0).contains(&float) => {
            Given::Signed(float as i64)
        }
        _ => given,
    }
}

macro_rules! floating_point_numbers {
    ($($type:ident, $wire:ident, $name:literal;)*) => {$(
        impl Field for $type {
            type Form = Number;
        }

        impl Scalar for $type {
            const WIRE: WireType = WireType::$wire;
            const NAME: &'static str = $name;
            const EXPECTED: &'static str = "a number";
            type Repeated = Packed<Number>;

            #[inline]
            fn is_zero(self) -> bool {
                // Minus zero is not what an absent field says.
                self.to_bits() == 0
            }

            #[inline]
            fn append(self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_le_bytes());
            }

            #[inline]
            fn take(input: &mut Input<'_>) -> Result<Self, Fault> {
                Ok(Self::from_le_bytes(input.fixed()?))
            }

            fn from_given(given: Given<'_>) -> Option<Self> {
                let number = float(given)?;
                let fitted = number as Self;
                (fitted.is_finite() || !number.is_finite()).then_some(fitted)
            }

            fn serialize<S: Serializer>(self, serializer: S) -> Result<S::Ok, S::Error> {
                match name(f64::from(self)) {
                    Some(name) if serializer.is_human_readable() => serializer.serialize_str(name),
                    _ => serde::Serialize::serialize(&self, serializer),
                }
            }
        }
    )*};
}

floating_point_numbers! {
    f32, ThirtyTwoBit, "float";
    f64, SixtyFourBit, "double";
}

fn float(given: Given<'_>) -> Option<f64> {
    match given {
        Given::Float(number) => Some(number),
        Given::Signed(number) => Some(number as f64),
        Given::Unsigned(number) => Some(number as f64),
        Given::Text("NaN") => Some(f64::NAN),
        Given::Text("Infinity") => Some(f64::INFINITY),
        Given::Text("-Infinity") => Some(f64::NEG_INFINITY),
        Given::Text(text) => text.parse().ok().filter(|number: &f64| number.is_finite()),
        Given::Bool(_) => None,
    }
}

/// The names of the numbers that JSON has no digits for.
fn name(number: f64) -> Option<&'static str> {
    match number {
        f64::INFINITY => Some("Infinity"),
        f64::NEG_INFINITY => Some("-Infinity"),
        number => number.is_nan().then_some("NaN"),
    }
}

impl Field for bool {
    type Form = Number;
}

impl Scalar for bool {
    const WIRE: WireType = WireType::Varint;
    const NAME: &'static str = "bool";
    const EXPECTED: &'static str = "true or false";
    type Repeated = Packed<Number>;

    #[inline]
    fn is_zero(self) -> bool {
        !self
    }

    #[inline]
    fn append(self, out: &mut Vec<u8>) {
        out.push(u8::from(self));
    }

    #[inline]
    fn take(input: &mut Input<'_>) -> Result<Self, Fault> {
        Ok(input.varint()? != 0)
    }

    fn from_given(given: Given<'_>) -> Option<Self> {
        match given {
            Given::Bool(truth) => Some(truth),
            // The keys of maps are always text in JSON.
            Given::Text(text) => text.parse().ok(),
            _ => None,
        }
    }

    #[inline]
    fn serialize<S: Serializer>(self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bool(self)
    }
}

impl<T: Scalar> Form<T> for Number {
    type Slot = T;

    standard!(T);

    #[inline]
    fn encode(value: &T, tag: u32, out: &mut Vec<u8>) {
        if !value.is_zero() {
            Self::put(value, tag, out);
        }
    }

    #[inline]
    fn merge(slot: &mut T, wire: WireType, input: &mut Input<'_>) -> Result<(), Fault> {
        if wire != T::WIRE {
            return Err(Fault::mismatch(T::EXPECTED, wire));
        }
        *slot = T::take(input)?;
        Ok(())
    }

    #[inline]
    fn finish(slot: T) -> Result<T, Fault> {
        Ok(slot)
    }

    #[inline]
    fn is_absent(value: &T) -> bool {
        value.is_zero()
    }

    #[inline]
    fn serialize<S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
        T::serialize(*value, serializer)
    }

    fn read<'de, D: Deserializer<'de>>(slot: &mut T, deserializer: D) -> Result<(), D::Error> {
        *slot = deserializer.deserialize_any(NumberVisitor(PhantomData))?;
        Ok(())
    }

    fn describe() -> (Label, Kind) {
        (Label::Plain, Kind::Scalar(T::NAME))
    }
}

impl<T: Scalar> Single<T> for Number {
    type Once = Self;
    type Repeated = T::Repeated;

    #[inline]
    fn put(value: &T, tag: u32, out: &mut Vec<u8>) {
        encode_key(tag, T::WIRE, out);
        value.append(out);
    }
}

impl<T: Scalar> Packable<T> for Number {
    const WIRE: WireType = T::WIRE;
    const EXPECTED: &'static str = T::EXPECTED;

    #[inline]
    fn append(value: &T, out: &mut Vec<u8>) {
        T::append(*value, out);
    }

    #[inline]
    fn take(input: &mut Input<'_>) -> Result<T, Fault> {
        T::take(input)
    }
}

struct NumberVisitor<T>(PhantomData<T>);

impl<T: Scalar> Visitor<'_> for NumberVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::EXPECTED)
    }

    fn visit_unit<E>(self) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_bool<E: Error>(self, found: bool) -> Result<T, E> {
        T::from_given(Given::Bool(found))
            .ok_or_else(|| E::invalid_type(Unexpected::Bool(found), &self))
    }

    fn visit_i64<E: Error>(self, found: i64) -> Result<T, E> {
        T::from_given(Given::Signed(found))
            .ok_or_else(|| E::invalid_value(Unexpected::Signed(found), &self))
    }

    fn visit_u64<E: Error>(self, found: u64) -> Result<T, E> {
        T::from_given(Given::Unsigned(found))
            .ok_or_else(|| E::invalid_value(Unexpected::Unsigned(found), &self))
    }

    fn visit_f64<E: Error>(self, found: f64) -> Result<T, E> {
        T::from_given(Given::Float(found))
            .ok_or_else(|| E::invalid_value(Unexpected::Float(found), &self))
    }

    fn visit_str<E: Error>(self, found: &str) -> Result<T, E> {
        T::from_given(Given::Text(found))
            .ok_or_else(|| E::invalid_value(Unexpected::Str(found), &self))
    }
}
