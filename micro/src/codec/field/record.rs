//! Messages: records of fields, in other messages or on their own.
//!
//! While a message is read, what is known of its fields stands in its [`Slots`]; so an absent
//! field is told from a zero one, and a message that arrives in two parts is put together.

use std::marker::PhantomData;

use serde::de::{DeserializeOwned, MapAccess};
use serde::ser::Serialize;

use super::nested::Nested;
use super::{Fault, Field, Input, WireType};
use crate::codec::schema::Schema;

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

/// Stands for a value that is borrowed.
pub fn marker<T>(_: &T) -> PhantomData<&T> {
    PhantomData
}

/// How many are present.
#[inline]
pub fn count(absent: &[bool]) -> usize {
    absent.iter().filter(|absent| !**absent).count()
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

pub(super) fn merge_nested<S: Slots>(
    slots: &mut S,
    wire: WireType,
    input: &mut Input<'_>,
) -> Result<(), Fault> {
    if wire != WireType::LengthDelimited {
        return Err(Fault::mismatch("a message", wire));
    }
    merge_all(slots, &mut input.nested()?)
}

/// Reads fields up to the end.
#[inline]
pub(in crate::codec) fn merge_all<S: Slots>(
    slots: &mut S,
    input: &mut Input<'_>,
) -> Result<(), Fault> {
    while let Some((tag, wire)) = input.key()? {
        slots.merge(tag, wire, input)?;
    }
    Ok(())
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
    Fault::new(format!(
        "{message} is unset: expected one of {}",
        variants.join(", ")
    ))
}
