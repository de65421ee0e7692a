//! Messages: records of fields, in other messages or on their own.
//!
//! While a message is read, what is known of its fields stands in its [`Slots`]; so an absent
//! field is told from a zero one, and a message that arrives in two parts is put together.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeStruct, Serializer};

use super::{Fault, Field, Form, Input, Kind, Label, Many, Single, Slot, Value, WireType, Written};
use crate::codec::schema::Schema;
use crate::codec::wire;

/// A type annotated with `#[micro::message]`, other than an enum without fields.
pub trait Record: Field<Form = Nested> + Serialize + DeserializeOwned {
    /// What there is of it while it is read.
    type Slots: Slots<Record = Self>;

    /// Appends its fields.
    fn encode(&self, out: &mut Vec<u8>);

    /// True if it has nothing to say.
    fn is_absent(&self) -> bool;
}

/// The fields of a message while it is read. The default has none.
pub trait Slots: Default + 'static {
    /// What they become.
    type Record;

    /// Reads one occurrence of one field from the protobuf wire.
    ///
    /// # Errors
    ///
    /// If the bytes are not those of the field.
    fn merge(&mut self, tag: u32, wire: WireType, input: &mut Input<'_>) -> Result<(), Fault>;

    /// The message, once all is read.
    ///
    /// # Errors
    ///
    /// If a field is absent that must not be.
    fn finish(self) -> Result<Self::Record, Fault>;

    /// What the message looks like.
    fn schema() -> Schema;
}

/// The fields of a message as formats with names know them.
pub trait Keys: Slots {
    /// The place of the field of this name, in either spelling.
    fn place(name: &str) -> Option<usize>;

    /// Reads the value of the field at `place`.
    ///
    /// # Errors
    ///
    /// The deserializer's own.
    fn read<'de, A: MapAccess<'de>>(&mut self, place: usize, map: &mut A) -> Result<(), A::Error>;
}

/// Appends a field, or nothing if its absence says the same.
#[inline]
pub fn encode<T: Field>(value: &T, tag: u32, out: &mut Vec<u8>) {
    T::Form::encode(value, tag, out);
}

/// Appends a field, whatever its value.
#[inline]
pub fn put<T: Value>(value: &T, tag: u32, out: &mut Vec<u8>) {
    T::Form::put(value, tag, out);
}

/// True if leaving the field out says the same.
#[inline]
pub fn is_absent<T: Field>(value: &T) -> bool {
    T::Form::is_absent(value)
}

/// How many are present.
#[inline]
pub fn count(absent: &[bool]) -> usize {
    absent.iter().filter(|absent| !**absent).count()
}

/// Writes a field in a format with names, or nothing if its absence says the same.
///
/// # Errors
///
/// The serializer's own.
#[inline]
pub fn write<T: Field, W: SerializeStruct>(fields: &mut W, name: &'static str, value: &T) -> Result<(), W::Error> {
    if T::Form::is_absent(value) {
        return fields.skip_field(name);
    }
    fields.serialize_field(name, &Written::<T, T::Form>::new(value))
}

/// Writes a variant in a format with names.
///
/// # Errors
///
/// The serializer's own.
pub fn write_variant<T: Value, W: SerializeStruct>(
    fields: &mut W,
    name: &'static str,
    value: &T,
) -> Result<(), W::Error> {
    fields.serialize_field(name, &Written::<T, T::Form>::new(value))
}

/// Reads one occurrence of the field `name`.
///
/// # Errors
///
/// If the bytes are not of its form.
#[inline]
pub fn merge<T: Field>(
    slot: &mut Slot<T>,
    name: &'static str,
    wire: WireType,
    input: &mut Input<'_>,
) -> Result<(), Fault> {
    T::Form::merge(slot, wire, input).map_err(|fault| fault.within(name))
}

/// Reads one occurrence of a message, in the field `name`.
///
/// # Errors
///
/// If the bytes are not those of the message.
pub fn merge_slots<S: Slots>(
    slots: &mut S,
    name: &'static str,
    wire: WireType,
    input: &mut Input<'_>,
) -> Result<(), Fault> {
    merge_nested(slots, wire, input).map_err(|fault| fault.within(name))
}

fn merge_nested<S: Slots>(slots: &mut S, wire: WireType, input: &mut Input<'_>) -> Result<(), Fault> {
    if wire != WireType::LengthDelimited {
        return Err(Fault::mismatch("a message", wire));
    }
    merge_all(slots, &mut input.nested()?)
}

/// Reads fields up to the end.
#[inline]
pub(in crate::codec) fn merge_all<S: Slots>(slots: &mut S, input: &mut Input<'_>) -> Result<(), Fault> {
    while let Some((tag, wire)) = input.key()? {
        slots.merge(tag, wire, input)?;
    }
    Ok(())
}

/// The value of the field `name`, once its message is read.
///
/// # Errors
///
/// If it is absent and must not be.
#[inline]
pub fn finish<T: Field>(slot: Slot<T>, name: &'static str) -> Result<T, Fault> {
    T::Form::finish(slot).map_err(|fault| fault.within(name))
}

/// What was read of a variant's fields, once their message is read.
///
/// # Errors
///
/// If one is absent and must not be.
pub fn finish_slots<S: Slots>(slots: S, name: &'static str) -> Result<S::Record, Fault> {
    slots.finish().map_err(|fault| fault.within(name))
}

/// What a message without a variant is.
#[cold]
pub fn unset(message: &str, variants: &[&str]) -> Fault {
    Fault::new(format!("{message} is unset: expected one of {}", variants.join(", ")))
}

/// Reads the value of a field in a format with names.
///
/// # Errors
///
/// The deserializer's own.
#[inline]
pub fn read<'de, T: Field, A: MapAccess<'de>>(slot: &mut Slot<T>, map: &mut A) -> Result<(), A::Error> {
    map.next_value_seed(IntoSlot::<T>(slot))
}

struct IntoSlot<'a, T: Field>(&'a mut Slot<T>);

impl<'de, T: Field> DeserializeSeed<'de> for IntoSlot<'_, T> {
    type Value = ();

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        T::Form::read(self.0, deserializer)
    }
}

/// Reads the value of a variant in a format with names; `None` is `null`, which is no variant.
///
/// # Errors
///
/// The deserializer's own, and if this is not the `first` one.
pub fn read_variant<'de, T: Value, A: MapAccess<'de>>(map: &mut A, first: bool) -> Result<Option<Slot<T>>, A::Error> {
    let mut slot = Slot::<Option<T>>::default();
    read::<Option<T>, A>(&mut slot, map)?;
    only(slot, first)
}

/// Reads the fields of a variant in a format with names; `None` is `null`, which is no variant.
///
/// # Errors
///
/// The deserializer's own, and if this is not the `first` one.
pub fn read_variant_slots<'de, S: Keys, A: MapAccess<'de>>(map: &mut A, first: bool) -> Result<Option<S>, A::Error> {
    let KeyedOption(slots) = map.next_value()?;
    only(slots, first)
}

fn only<T, E: Error>(variant: Option<T>, first: bool) -> Result<Option<T>, E> {
    if variant.is_some() && !first {
        return Err(E::custom("expected one variant, found a second one"));
    }
    Ok(variant)
}

struct KeyedOption<S>(Option<S>);

impl<'de, S: Keys> serde::Deserialize<'de> for KeyedOption<S> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let found: Option<Keyed<S>> = serde::Deserialize::deserialize(deserializer)?;
        Ok(Self(found.map(|Keyed(slots)| slots)))
    }
}

struct Keyed<S>(S);

impl<'de, S: Keys> serde::Deserialize<'de> for Keyed<S> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RecordVisitor(PhantomData)).map(Self)
    }
}

/// Reads a whole message in a format with names.
///
/// # Errors
///
/// The deserializer's own, and if a field is absent that must not be.
pub fn deserialize<'de, S: Keys, D: Deserializer<'de>>(deserializer: D) -> Result<S::Record, D::Error> {
    let slots: S = deserializer.deserialize_any(RecordVisitor(PhantomData))?;
    slots.finish().map_err(D::Error::custom)
}

struct RecordVisitor<S>(PhantomData<S>);

impl<'de, S: Keys> Visitor<'de> for RecordVisitor<S> {
    type Value = S;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map of fields")
    }

    fn visit_unit<E>(self) -> Result<S, E> {
        Ok(S::default())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<S, A::Error> {
        let mut slots = S::default();
        while let Some(place) = map.next_key_seed(Place::<S>(PhantomData))? {
            match place {
                Some(place) => slots.read(place, &mut map)?,
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(slots)
    }
}

struct Place<S>(PhantomData<S>);

impl<'de, S: Keys> DeserializeSeed<'de> for Place<S> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl<S: Keys> Visitor<'_> for Place<S> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a field")
    }

    #[inline]
    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(S::place(name))
    }

    fn visit_bytes<E>(self, name: &[u8]) -> Result<Self::Value, E> {
        Ok(str::from_utf8(name).ok().and_then(S::place))
    }
}

/// The form of messages in messages.
#[derive(Debug)]
pub struct Nested;

/// What there is of a message in a message while that is read.
pub enum Part<T: Record> {
    /// Fields, of which more may come.
    Open(T::Slots),
    /// All of it, from a format with names.
    Whole(T),
}

impl<T: Record> Default for Part<T> {
    fn default() -> Self {
        Self::Open(T::Slots::default())
    }
}

impl<T: Record> fmt::Debug for Part<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Part")
    }
}

impl<T: Record> Form<T> for Nested {
    type Slot = Part<T>;

    fn encode(value: &T, tag: u32, out: &mut Vec<u8>) {
        let start = out.len();
        let mut empty = false;
        wire::nested(tag, out, |out| {
            let body = out.len();
            value.encode(out);
            empty = out.len() == body;
        });
        if empty {
            out.truncate(start);
        }
    }

    fn merge(slot: &mut Part<T>, wire: WireType, input: &mut Input<'_>) -> Result<(), Fault> {
        match slot {
            Part::Open(slots) => merge_nested(slots, wire, input),
            Part::Whole(_) => {
                let mut slots = T::Slots::default();
                let merged = merge_nested(&mut slots, wire, input);
                *slot = Part::Open(slots);
                merged
            }
        }
    }

    fn finish(slot: Part<T>) -> Result<T, Fault> {
        match slot {
            Part::Open(slots) => slots.finish(),
            Part::Whole(value) => Ok(value),
        }
    }

    fn is_absent(value: &T) -> bool {
        value.is_absent()
    }

    fn serialize<S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
        value.serialize(serializer)
    }

    fn read<'de, D: Deserializer<'de>>(slot: &mut Part<T>, deserializer: D) -> Result<(), D::Error> {
        *slot = Part::Whole(T::deserialize(deserializer)?);
        Ok(())
    }

    fn describe() -> (Label, Kind) {
        (Label::Plain, Kind::Named(T::Slots::schema))
    }
}

impl<T: Record> Single<T> for Nested {
    type Repeated = Many<Self>;

    #[inline]
    fn put(value: &T, tag: u32, out: &mut Vec<u8>) {
        wire::nested(tag, out, |out| value.encode(out));
    }
}
