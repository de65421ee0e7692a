//! What may stand in a message: the trait by which the compiler finds the form of a field.
//!
//! [`Field`] maps a type to its [`Form`], and a form writes and reads values of a type: as a
//! protobuf field, and through serde for the formats with names. That a list of `u8` is bytes
//! and any other a repeated field is decided by the form of the element ([`Single::Repeated`]).
//! Named by the code that `#[micro::message]` generates.

/// The four functions of a form that are those of the standard library.
macro_rules! standard {
    ($type:ty) => {
        #[inline]
        fn clone(value: &$type) -> $type {
            value.clone()
        }

        #[inline]
        fn eq(one: &$type, other: &$type) -> bool {
            one == other
        }

        fn debug(value: &$type) -> &dyn std::fmt::Debug {
            value
        }

        #[inline]
        fn default() -> $type {
            Default::default()
        }
    };
}

mod blob;
pub(super) mod choice;
pub(super) mod coded;
pub(super) mod keyed;
mod list;
mod map;
pub(super) mod nested;
mod number;
pub(super) mod one_of;
mod optional;
pub(super) mod record;
mod text;

use std::fmt::Debug;
use std::marker::PhantomData;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess};
use serde::ser::{Serialize, SerializeStruct, Serializer};

use super::schema::{Kind, Label, Member};
use super::wire::{Fault, Input, WireType};

use blob::Octets;
pub use choice::{Choice, Enumeration};
use keyed::only;
use list::{Many, Packed};
use optional::Perhaps;
pub(super) use record::{Record, Slots};

/// A type that can be a field of a message.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a field of a message",
    label = "no type for a field",
    note = "numbers of at most 64 bits, `bool`, `String`, `Bytes`, `Vec`, `Option`, `Box`, maps, and types annotated with `#[micro::message]` can",
    note = "`#[micro::message(plain)]` takes any type that serde takes, and has no protobuf form"
)]
pub trait Field: Datum {
    /// How it is written and read.
    type Form: Form<Self>;
}

/// What every field has besides its form.
pub trait Datum: Clone + Debug + Default + PartialEq + Send + 'static {}

impl<T: Clone + Debug + Default + PartialEq + Send + 'static> Datum for T {}

/// What a field of type `T` is while its message is read.
type Slot<T> = <<T as Field>::Form as Form<T>>::Slot;

/// How fields of type `T` are written and read.
pub trait Form<T>: Sized + 'static {
    /// What there is of the value while its message is read; the default is an absent field.
    type Slot: Default;

    /// Appends `value` as the field `tag`, or nothing if [absence](Self::is_absent) says the same.
    fn encode(value: &T, tag: u32, out: &mut Vec<u8>);

    /// Reads one occurrence of the field.
    ///
    /// # Errors
    ///
    /// If the bytes are not of this form.
    fn merge(slot: &mut Self::Slot, wire: WireType, input: &mut Input<'_>) -> Result<(), Fault>;

    /// The value, once the message is read.
    ///
    /// # Errors
    ///
    /// If it is absent and must not be.
    fn finish(slot: Self::Slot) -> Result<T, Fault>;

    /// True if leaving the field out says the same.
    fn is_absent(value: &T) -> bool;

    /// Writes the value in a format with names.
    ///
    /// # Errors
    ///
    /// The serializer's own.
    fn serialize<S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error>;

    /// Reads the value in a format with names; `null` is an absent field.
    ///
    /// # Errors
    ///
    /// If something else is found than this form takes.
    fn read<'de, D: Deserializer<'de>>(
        slot: &mut Self::Slot,
        deserializer: D,
    ) -> Result<(), D::Error>;

    /// The label and type of the field in a proto file.
    fn describe() -> (Label, Kind);

    // What follows is for generated code, which names all it needs of a field by its form: so a type
    // that can be no field is one mistake, however often it is named.

    /// `Clone` of the field.
    fn clone(value: &T) -> T;

    /// `PartialEq` of the field.
    fn eq(one: &T, other: &T) -> bool;

    /// `Debug` of the field.
    fn debug(value: &T) -> &dyn Debug;

    /// `Default` of the field.
    fn default() -> T;

    /// The field's place in the schema of its message.
    fn member(name: &'static str, tag: u32) -> Member {
        let (label, kind) = Self::describe();
        Member {
            name,
            tag,
            one_of: None,
            label,
            kind,
        }
    }

    /// [`merge`](Self::merge) for the field `name`.
    ///
    /// # Errors
    ///
    /// If the bytes are not of this form; says in which field.
    #[inline]
    fn merge_field(
        slot: &mut Self::Slot,
        name: &'static str,
        wire: WireType,
        input: &mut Input<'_>,
    ) -> Result<(), Fault> {
        Self::merge(slot, wire, input).map_err(|fault| fault.within(name))
    }

    /// [`finish`](Self::finish) for the field `name`.
    ///
    /// # Errors
    ///
    /// If it is absent and must not be; says which.
    #[inline]
    fn finish_field(slot: Self::Slot, name: &'static str) -> Result<T, Fault> {
        Self::finish(slot).map_err(|fault| fault.within(name))
    }

    /// Writes the field `name` by serde, or nothing if its absence says the same.
    ///
    /// # Errors
    ///
    /// The serializer's own.
    #[inline]
    fn write_field<W: SerializeStruct>(
        value: &T,
        name: &'static str,
        fields: &mut W,
    ) -> Result<(), W::Error> {
        if Self::is_absent(value) {
            return fields.skip_field(name);
        }
        fields.serialize_field(name, &Written::<T, Self>::new(value))
    }

    /// Reads the value of the field by serde.
    ///
    /// # Errors
    ///
    /// The deserializer's own.
    #[inline]
    fn read_field<'de, A: MapAccess<'de>>(
        slot: &mut Self::Slot,
        map: &mut A,
    ) -> Result<(), A::Error> {
        map.next_value_seed(IntoSlot::<T, Self>(slot))
    }
}

/// A form that is one value behind one key: it may be optional, repeated, in a map or in a oneof.
#[diagnostic::on_unimplemented(
    message = "`{T}` cannot be optional, repeated, in a map or in a variant",
    label = "no single value",
    note = "protobuf has no list of lists and no optional list: put it in a message of its own"
)]
pub trait Single<T>: Form<T> {
    /// This form. Forms are made of others by this name, so that what has no such form is one mistake.
    type Once: Single<T>;

    /// The form of a list of them.
    type Repeated: Form<Vec<T>>;

    /// Appends `value` as the field `tag`, whatever its value.
    fn put(value: &T, tag: u32, out: &mut Vec<u8>);

    /// Writes the variant `name` by serde.
    ///
    /// # Errors
    ///
    /// The serializer's own.
    fn write_variant<W: SerializeStruct>(
        value: &T,
        name: &'static str,
        fields: &mut W,
    ) -> Result<(), W::Error> {
        fields.serialize_field(name, &Written::<T, Self>::new(value))
    }

    /// Reads the value of a variant by serde; `None` is `null`, which is no variant.
    ///
    /// # Errors
    ///
    /// The deserializer's own, and if this is not the `first` one.
    fn read_variant<'de, A: MapAccess<'de>>(
        map: &mut A,
        first: bool,
    ) -> Result<Option<Self::Slot>, A::Error> {
        only(map.next_value_seed(Perhaps::<T, Self>::new())?, first)
    }
}

/// A type that can be optional, repeated, in a map or in a variant: the bound of a type parameter.
pub trait Value: Field<Form: Single<Self>> {}

impl<T: Field<Form: Single<T>>> Value for T {}

/// A value to be written by serde in the form `F`.
pub(super) struct Written<'a, T, F>(&'a T, PhantomData<F>);

impl<'a, T, F: Form<T>> Written<'a, T, F> {
    fn new(value: &'a T) -> Self {
        Self(value, PhantomData)
    }
}

impl<T, F: Form<T>> Serialize for Written<'_, T, F> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        F::serialize(self.0, serializer)
    }
}

/// Reads a value of the form `F` into its slot.
struct IntoSlot<'a, T, F: Form<T>>(&'a mut F::Slot);

impl<'de, T, F: Form<T>> DeserializeSeed<'de> for IntoSlot<'_, T, F> {
    type Value = ();

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        F::read(self.0, deserializer)
    }
}

/// Reads one whole value of the form `F`.
struct Whole<T, F>(PhantomData<(T, F)>);

impl<T, F> Whole<T, F> {
    fn new() -> Self {
        Self(PhantomData)
    }
}

impl<'de, T, F: Form<T>> DeserializeSeed<'de> for Whole<T, F> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        let mut slot = F::Slot::default();
        F::read(&mut slot, deserializer)?;
        F::finish(slot).map_err(D::Error::custom)
    }
}

/// How many elements are made room for before the first is read: a length is only a claim.
fn cautious<T>(claimed: Option<usize>) -> usize {
    claimed.unwrap_or(0).min(4096 / size_of::<T>().max(1))
}

#[cfg(test)]
mod tests {
    use super::cautious;

    #[test]
    fn no_more_than_a_page_is_made_room_for_on_a_claim() {
        assert_eq!(cautious::<u8>(Some(usize::MAX)), 4096);
        assert_eq!(cautious::<[u64; 100]>(Some(usize::MAX)), 5);
        assert_eq!(cautious::<[u8; 5000]>(Some(3)), 0);
        assert_eq!(cautious::<u32>(Some(7)), 7);
    }
}
