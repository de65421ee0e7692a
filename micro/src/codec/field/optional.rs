//! `Option`, whose values are written even if they are zero, and `Box`.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{DeserializeSeed, Deserializer, Visitor};
use serde::ser::Serializer;

use super::{Datum, Fault, Field, Form, Input, Kind, Label, Many, Single, Value, WireType};

/// The form of a value that may be absent.
#[derive(Debug)]
pub struct Optional<F>(PhantomData<F>);

impl<T: Value> Field for Option<T> {
    type Form = Optional<<T::Form as Single<T>>::Once>;
}

impl<T: Datum, F: Single<T>> Form<Option<T>> for Optional<F> {
    type Slot = Option<F::Slot>;

    standard!(Option<T>);

    #[inline]
    fn encode(value: &Option<T>, tag: u32, out: &mut Vec<u8>) {
        if let Some(value) = value {
            F::put(value, tag, out);
        }
    }

    #[inline]
    fn merge(slot: &mut Self::Slot, wire: WireType, input: &mut Input<'_>) -> Result<(), Fault> {
        F::merge(slot.get_or_insert_default(), wire, input)
    }

    #[inline]
    fn finish(slot: Self::Slot) -> Result<Option<T>, Fault> {
        slot.map(F::finish).transpose()
    }

    #[inline]
    fn is_absent(value: &Option<T>) -> bool {
        value.is_none()
    }

    fn serialize<S: Serializer>(value: &Option<T>, serializer: S) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => F::serialize(value, serializer),
            None => serializer.serialize_none(),
        }
    }

    fn read<'de, D: Deserializer<'de>>(
        slot: &mut Self::Slot,
        deserializer: D,
    ) -> Result<(), D::Error> {
        *slot = Perhaps::<T, F>::new().deserialize(deserializer)?;
        Ok(())
    }

    fn describe() -> (Label, Kind) {
        (Label::Optional, F::describe().1)
    }
}

/// Reads a value of the form `F`, or `null`.
pub(super) struct Perhaps<T, F>(PhantomData<(T, F)>);

impl<T, F> Perhaps<T, F> {
    pub(super) fn new() -> Self {
        Self(PhantomData)
    }
}

impl<'de, T, F: Form<T>> DeserializeSeed<'de> for Perhaps<T, F> {
    type Value = Option<F::Slot>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de, T, F: Form<T>> Visitor<'de> for Perhaps<T, F> {
    type Value = Option<F::Slot>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value or null")
    }

    fn visit_none<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        let mut slot = F::Slot::default();
        F::read(&mut slot, deserializer)?;
        Ok(Some(slot))
    }
}

/// The form of a value on the heap: that of the value.
#[derive(Debug)]
pub struct Boxed<F>(PhantomData<F>);

impl<T: Field> Field for Box<T> {
    type Form = Boxed<T::Form>;
}

impl<T: Datum, F: Form<T>> Form<Box<T>> for Boxed<F> {
    type Slot = Box<F::Slot>;

    standard!(Box<T>);

    #[inline]
    fn encode(value: &Box<T>, tag: u32, out: &mut Vec<u8>) {
        F::encode(value, tag, out);
    }

    #[inline]
    fn merge(slot: &mut Self::Slot, wire: WireType, input: &mut Input<'_>) -> Result<(), Fault> {
        F::merge(slot, wire, input)
    }

    #[inline]
    fn finish(slot: Self::Slot) -> Result<Box<T>, Fault> {
        F::finish(*slot).map(Box::new)
    }

    #[inline]
    fn is_absent(value: &Box<T>) -> bool {
        F::is_absent(value)
    }

    fn serialize<S: Serializer>(value: &Box<T>, serializer: S) -> Result<S::Ok, S::Error> {
        F::serialize(value, serializer)
    }

    fn read<'de, D: Deserializer<'de>>(
        slot: &mut Self::Slot,
        deserializer: D,
    ) -> Result<(), D::Error> {
        F::read(slot, deserializer)
    }

    fn describe() -> (Label, Kind) {
        F::describe()
    }
}

impl<T: Datum, F: Single<T>> Single<Box<T>> for Boxed<F> {
    type Once = Self;
    type Repeated = Many<Self>;

    #[inline]
    fn put(value: &Box<T>, tag: u32, out: &mut Vec<u8>) {
        F::put(value, tag, out);
    }
}
