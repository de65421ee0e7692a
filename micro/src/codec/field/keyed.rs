//! Messages in formats with names: which slot a name belongs to, and what is read into it.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, Visitor};

use super::record::Keys;

/// Reads the fields of a variant in a format with names; `None` is `null`, which is no variant.
///
/// # Errors
///
/// The deserializer's own, and if this is not the `first` one.
pub fn read_variant_slots<'de, S: Keys, A: MapAccess<'de>>(
    map: &mut A,
    first: bool,
) -> Result<Option<S>, A::Error> {
    let KeyedOption(slots) = map.next_value()?;
    only(slots, first)
}

pub(super) fn only<T, E: Error>(variant: Option<T>, first: bool) -> Result<Option<T>, E> {
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
        deserializer
            .deserialize_any(RecordVisitor(PhantomData))
            .map(Self)
    }
}

/// Reads a whole message in a format with names.
///
/// # Errors
///
/// The deserializer's own, and if a field is absent that must not be.
pub fn deserialize<'de, S: Keys, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<S::Record, D::Error> {
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
