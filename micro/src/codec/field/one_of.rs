//! Enums whose variants are fields of the message around them: a oneof among other fields.

use serde::de::MapAccess;
use serde::ser::SerializeStruct;

use super::record::{Keys, Record, Slots};
use super::{Fault, Input, WireType};
use crate::codec::schema::{Member, Shape};

/// An enum with data: of its fields one is set.
pub trait OneOf: Record<Slots: Alternatives<Record = Self>> {
    /// Writes the field that is set by serde.
    ///
    /// # Errors
    ///
    /// The serializer's own.
    fn write<W: SerializeStruct>(&self, fields: &mut W) -> Result<(), W::Error>;
}

/// The slots of an enum with data.
pub trait Alternatives: Keys {
    /// The tags of the variants.
    const TAGS: &'static [u32];

    /// True if no field was read so far.
    fn is_unset(&self) -> bool;
}

/// What a field marked as a oneof is: none of the fields, or one.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a oneof",
    label = "no oneof",
    note = "`#[micro(oneof)]` goes on a field of the type `Option<E>`, where `E` is an enum with fields annotated with `#[micro::message]`"
)]
pub trait Inline {
    /// What there is of it while its message is read.
    type Slot: Alternatives;

    /// Appends the field that is set.
    fn encode(&self, out: &mut Vec<u8>);

    /// True if none is set.
    fn is_absent(&self) -> bool;

    /// The value, once the message is read.
    ///
    /// # Errors
    ///
    /// If something that the field is made of is absent and must not be.
    fn finish(slot: Self::Slot) -> Result<Self, Fault>
    where
        Self: Sized;

    /// Writes the field that is set by serde.
    ///
    /// # Errors
    ///
    /// The serializer's own.
    fn write<W: SerializeStruct>(&self, fields: &mut W) -> Result<(), W::Error>;

    /// True if the tag is that of one of the fields.
    #[inline]
    fn has(tag: u32) -> bool {
        Self::Slot::TAGS.contains(&tag)
    }

    /// Reads one occurrence of one of the fields.
    ///
    /// # Errors
    ///
    /// If the bytes are not those of the field.
    #[inline]
    fn merge(
        slot: &mut Self::Slot,
        tag: u32,
        wire: WireType,
        input: &mut Input<'_>,
    ) -> Result<(), Fault> {
        slot.merge(tag, wire, input)
    }

    /// The place of the field of this name among these fields.
    fn place(name: &str) -> Option<usize> {
        Self::Slot::place(name)
    }

    /// Reads the value of the field at `place` by serde.
    ///
    /// # Errors
    ///
    /// The deserializer's own.
    fn read<'de, A: MapAccess<'de>>(
        slot: &mut Self::Slot,
        place: usize,
        map: &mut A,
    ) -> Result<(), A::Error> {
        slot.read(place, map)
    }

    /// The fields, as those of the oneof `name` in the schema of the message.
    fn members(name: &'static str) -> Vec<Member> {
        let mut members = match Self::Slot::schema().shape {
            Shape::Message(members) | Shape::OneOf(members) => members,
            Shape::Enum(_) => Vec::new(),
        };
        for member in &mut members {
            member.one_of = Some(name);
        }
        members
    }
}

impl<T: OneOf> Inline for Option<T> {
    type Slot = T::Slots;

    #[inline]
    fn encode(&self, out: &mut Vec<u8>) {
        if let Some(value) = self {
            value.encode(out);
        }
    }

    #[inline]
    fn is_absent(&self) -> bool {
        self.is_none()
    }

    fn finish(slot: T::Slots) -> Result<Self, Fault> {
        if slot.is_unset() {
            return Ok(None);
        }
        slot.finish().map(Some)
    }

    fn write<W: SerializeStruct>(&self, fields: &mut W) -> Result<(), W::Error> {
        match self {
            Some(value) => value.write(fields),
            None => Ok(()),
        }
    }
}
