//! Lists: one key for each element, or numbers packed behind one key.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserializer, SeqAccess, Visitor};
use serde::ser::{SerializeSeq, Serializer};

use super::{
    Datum, Fault, Field, Form, Input, Kind, Label, Single, Value, Whole, WireType, Written,
    cautious,
};
use crate::codec::wire;

impl<T: Value> Field for Vec<T> {
    type Form = <T::Form as Single<T>>::Repeated;
}

/// The form of lists whose elements have a key each.
#[derive(Debug)]
pub struct Many<F>(PhantomData<F>);

impl<T, F: Single<T>> Form<Vec<T>> for Many<F>
where
    T: Datum,
{
    type Slot = Vec<T>;

    standard!(Vec<T>);

    #[inline]
    fn encode(values: &Vec<T>, tag: u32, out: &mut Vec<u8>) {
        for value in values {
            F::put(value, tag, out);
        }
    }

    fn merge(slot: &mut Vec<T>, wire: WireType, input: &mut Input<'_>) -> Result<(), Fault> {
        let mut element = F::Slot::default();
        let value = F::merge(&mut element, wire, input).and_then(|()| F::finish(element));
        slot.push(value.map_err(|fault| fault.at(slot.len()))?);
        Ok(())
    }

    #[inline]
    fn finish(slot: Vec<T>) -> Result<Vec<T>, Fault> {
        Ok(slot)
    }

    #[inline]
    fn is_absent(values: &Vec<T>) -> bool {
        values.is_empty()
    }

    fn serialize<S: Serializer>(values: &Vec<T>, serializer: S) -> Result<S::Ok, S::Error> {
        write_list::<T, F, S>(values, serializer)
    }

    fn read<'de, D: Deserializer<'de>>(slot: &mut Vec<T>, deserializer: D) -> Result<(), D::Error> {
        *slot = deserializer.deserialize_any(ListVisitor::<T, F>(PhantomData))?;
        Ok(())
    }

    fn describe() -> (Label, Kind) {
        (Label::Repeated, F::describe().1)
    }
}

/// A form of numbers, which have no need of a key each.
pub trait Packable<T>: Single<T> {
    /// How one is written.
    const WIRE: WireType;
    /// The values, for people.
    const EXPECTED: &'static str;

    /// Appends one without a key.
    fn append(value: &T, out: &mut Vec<u8>);

    /// Reads one without a key.
    ///
    /// # Errors
    ///
    /// If the bytes end, or the number is out of range.
    fn take(input: &mut Input<'_>) -> Result<T, Fault>;
}

/// The form of lists of numbers: packed when written, packed or not when read.
#[derive(Debug)]
pub struct Packed<F>(PhantomData<F>);

impl<T, F: Packable<T>> Form<Vec<T>> for Packed<F>
where
    T: Datum,
{
    type Slot = Vec<T>;

    standard!(Vec<T>);

    #[inline]
    fn encode(values: &Vec<T>, tag: u32, out: &mut Vec<u8>) {
        if !values.is_empty() {
            wire::nested(tag, out, |out| {
                values.iter().for_each(|value| F::append(value, out))
            });
        }
    }

    fn merge(slot: &mut Vec<T>, wire: WireType, input: &mut Input<'_>) -> Result<(), Fault> {
        if wire == F::WIRE {
            slot.push(F::take(input).map_err(|fault| fault.at(slot.len()))?);
            return Ok(());
        }
        if wire != WireType::LengthDelimited {
            return Err(Fault::mismatch(F::EXPECTED, wire));
        }
        let mut packed = input.packed()?;
        while !packed.is_empty() {
            slot.push(F::take(&mut packed).map_err(|fault| fault.at(slot.len()))?);
        }
        Ok(())
    }

    #[inline]
    fn finish(slot: Vec<T>) -> Result<Vec<T>, Fault> {
        Ok(slot)
    }

    #[inline]
    fn is_absent(values: &Vec<T>) -> bool {
        values.is_empty()
    }

    fn serialize<S: Serializer>(values: &Vec<T>, serializer: S) -> Result<S::Ok, S::Error> {
        write_list::<T, F, S>(values, serializer)
    }

    fn read<'de, D: Deserializer<'de>>(slot: &mut Vec<T>, deserializer: D) -> Result<(), D::Error> {
        *slot = deserializer.deserialize_any(ListVisitor::<T, F>(PhantomData))?;
        Ok(())
    }

    fn describe() -> (Label, Kind) {
        (Label::Repeated, F::describe().1)
    }
}

fn write_list<T, F: Form<T>, S: Serializer>(
    values: &[T],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let mut list = serializer.serialize_seq(Some(values.len()))?;
    for value in values {
        list.serialize_element(&Written::<T, F>::new(value))?;
    }
    list.end()
}

struct ListVisitor<T, F>(PhantomData<(T, F)>);

impl<'de, T, F: Form<T>> Visitor<'de> for ListVisitor<T, F> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_unit<E>(self) -> Result<Vec<T>, E> {
        Ok(Vec::new())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<T>, A::Error> {
        let mut values = Vec::with_capacity(cautious::<T>(list.size_hint()));
        while let Some(value) = list.next_element_seed(Whole::<T, F>::new())? {
            values.push(value);
        }
        Ok(values)
    }
}
