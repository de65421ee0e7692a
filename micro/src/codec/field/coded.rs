//! Whole numbers as protobuf writes them besides the usual way: `sint32` and its kin, of a fixed length or zigzag.

use std::marker::PhantomData;

use prost::encoding::{encode_key, encode_varint};
use serde::de::Deserializer;
use serde::ser::Serializer;

use super::list::Packable;
use super::number::{Number, Scalar};
use super::optional::{Boxed, Optional};
use super::{Fault, Field, Form, Input, Kind, Label, Packed, Single, WireType};

/// Zigzag: `sint32` and `sint64`.
#[derive(Debug)]
pub struct Sint;

/// Of a fixed length: `fixed32`, `fixed64`, `sfixed32` and `sfixed64`.
#[derive(Debug)]
pub struct Fixed;

/// A type that can be a field whose numbers are written in the way `C`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not written in this way",
    label = "no number for it",
    note = "`#[micro(sint)]` goes on `i32` and `i64`, `#[micro(fixed)]` on `u32` and `u64` as well; also in `Vec`, `Option` and `Box`"
)]
pub trait FieldAs<C>: Field {
    /// How it is written and read.
    type Form: Form<Self>;
}

/// A number that is written in the way `C`.
pub trait Coded<C>: Scalar {
    /// How it is written without its key.
    const WIRE: WireType;
    /// The type in a proto file.
    const NAME: &'static str;

    /// Appends it without a key.
    fn append(self, out: &mut Vec<u8>);

    /// Reads it without a key.
    ///
    /// # Errors
    ///
    /// If the bytes end.
    fn take(input: &mut Input<'_>) -> Result<Self, Fault>;
}

macro_rules! zigzag {
    ($($type:ident, $bits:literal, $unsigned:ident, $name:literal;)*) => {$(
        impl FieldAs<Sint> for $type {
            type Form = Code<Sint>;
        }

        impl Coded<Sint> for $type {
            const WIRE: WireType = WireType::Varint;
            const NAME: &'static str = $name;

            #[inline]
            fn append(self, out: &mut Vec<u8>) {
                encode_varint(u64::from(((self << 1) ^ (self >> ($bits - 1))) as $unsigned), out);
            }

            #[inline]
            fn take(input: &mut Input<'_>) -> Result<Self, Fault> {
                let number = input.varint()? as $unsigned;
                Ok((number >> 1) as Self ^ -((number & 1) as Self))
            }
        }
    )*};
}

zigzag! {
    i32, 32, u32, "sint32";
    i64, 64, u64, "sint64";
}

macro_rules! fixed {
    ($($type:ident, $wire:ident, $name:literal;)*) => {$(
        impl FieldAs<Fixed> for $type {
            type Form = Code<Fixed>;
        }

        impl Coded<Fixed> for $type {
            const WIRE: WireType = WireType::$wire;
            const NAME: &'static str = $name;

            #[inline]
            fn append(self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_le_bytes());
            }

            #[inline]
            fn take(input: &mut Input<'_>) -> Result<Self, Fault> {
                Ok(Self::from_le_bytes(input.fixed()?))
            }
        }
    )*};
}

fixed! {
    u32, ThirtyTwoBit, "fixed32";
    u64, SixtyFourBit, "fixed64";
    i32, ThirtyTwoBit, "sfixed32";
    i64, SixtyFourBit, "sfixed64";
}

impl<C, T> FieldAs<C> for Option<T>
where
    T: FieldAs<C>,
    <T as FieldAs<C>>::Form: Single<T>,
    Self: Field,
    Optional<<<T as FieldAs<C>>::Form as Single<T>>::Once>: Form<Self>,
{
    type Form = Optional<<<T as FieldAs<C>>::Form as Single<T>>::Once>;
}

impl<C, T> FieldAs<C> for Vec<T>
where
    T: FieldAs<C>,
    <T as FieldAs<C>>::Form: Single<T>,
    Self: Field,
{
    type Form = <<T as FieldAs<C>>::Form as Single<T>>::Repeated;
}

impl<C, T: FieldAs<C>> FieldAs<C> for Box<T> {
    type Form = Boxed<<T as FieldAs<C>>::Form>;
}

/// The form of numbers that are written in the way `C`; in formats with names they are as any number.
#[derive(Debug)]
pub struct Code<C>(PhantomData<C>);

impl<C: 'static, T: Coded<C>> Form<T> for Code<C> {
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
        if wire != <T as Coded<C>>::WIRE {
            return Err(Fault::mismatch(T::EXPECTED, wire));
        }
        *slot = <T as Coded<C>>::take(input)?;
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
        <Number as Form<T>>::serialize(value, serializer)
    }

    fn read<'de, D: Deserializer<'de>>(slot: &mut T, deserializer: D) -> Result<(), D::Error> {
        <Number as Form<T>>::read(slot, deserializer)
    }

    fn describe() -> (Label, Kind) {
        (Label::Plain, Kind::Scalar(<T as Coded<C>>::NAME))
    }
}

impl<C: 'static, T: Coded<C>> Single<T> for Code<C> {
    type Once = Self;
    type Repeated = Packed<Self>;

    #[inline]
    fn put(value: &T, tag: u32, out: &mut Vec<u8>) {
        encode_key(tag, <T as Coded<C>>::WIRE, out);
        Coded::<C>::append(*value, out);
    }
}

impl<C: 'static, T: Coded<C>> Packable<T> for Code<C> {
    const WIRE: WireType = <T as Coded<C>>::WIRE;
    const EXPECTED: &'static str = T::EXPECTED;

    #[inline]
    fn append(value: &T, out: &mut Vec<u8>) {
        Coded::<C>::append(*value, out);
    }

    #[inline]
    fn take(input: &mut Input<'_>) -> Result<T, Fault> {
        <T as Coded<C>>::take(input)
    }
}
