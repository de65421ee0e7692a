//! Maps: on the protobuf wire a list of entries, each a message of a key and a value.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::hash::{BuildHasher, Hash};
use std::marker::PhantomData;

use serde::de::{Deserializer, MapAccess, Visitor};
use serde::ser::{SerializeMap, Serializer};

use super::{
    Datum, Fault, Field, Form, Input, Kind, Label, Single, Slot, Value, Whole, WireType, Written,
    cautious,
};
use crate::codec::wire;

/// The form of maps.
#[derive(Debug)]
pub struct Map<K, V>(PhantomData<(K, V)>);

/// A type of key.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the key of a map in a message",
    label = "no type for a key",
    note = "whole numbers, `bool` and `String` can"
)]
pub trait Key: Value + Eq + Ord + Hash {
    /// This type. The forms of maps are made by this name, so that what is no key is one mistake.
    type Key: 'static;
}

macro_rules! keys {
    ($($type:ty),*) => {$(impl Key for $type {
            type Key = Self;
        })*};
}

keys!(bool, u8, u16, u32, u64, i8, i16, i32, i64, String);

/// A collection of keys and values.
pub trait Table: Datum {
    /// What an entry is found by.
    type Key: Key;
    /// What is found.
    type Value: Value;

    /// All entries.
    fn entries(&self) -> impl ExactSizeIterator<Item = (&Self::Key, &Self::Value)>;

    /// Adds an entry, or replaces that of the same key.
    fn put(&mut self, key: Self::Key, value: Self::Value);

    /// Makes room.
    fn expect(&mut self, more: usize);
}

impl<K, V, H> Field for HashMap<K, V, H>
where
    K: Key,
    V: Value,
    H: BuildHasher + Clone + Default + Send + 'static,
{
    type Form = Map<<K as Key>::Key, <V::Form as Single<V>>::Once>;
}

impl<K, V, H> Table for HashMap<K, V, H>
where
    K: Key,
    V: Value,
    H: BuildHasher + Clone + Default + Send + 'static,
{
    type Key = K;
    type Value = V;

    fn entries(&self) -> impl ExactSizeIterator<Item = (&K, &V)> {
        self.iter()
    }

    fn put(&mut self, key: K, value: V) {
        self.insert(key, value);
    }

    fn expect(&mut self, more: usize) {
        self.reserve(more);
    }
}

impl<K: Key, V: Value> Field for BTreeMap<K, V> {
    type Form = Map<<K as Key>::Key, <V::Form as Single<V>>::Once>;
}

impl<K: Key, V: Value> Table for BTreeMap<K, V> {
    type Key = K;
    type Value = V;

    fn entries(&self) -> impl ExactSizeIterator<Item = (&K, &V)> {
        self.iter()
    }

    fn put(&mut self, key: K, value: V) {
        self.insert(key, value);
    }

    fn expect(&mut self, _more: usize) {}
}

type FormOf<T> = <T as Field>::Form;

impl<M: Table, K: 'static, V: 'static> Form<M> for Map<K, V> {
    type Slot = M;

    standard!(M);

    fn encode(map: &M, tag: u32, out: &mut Vec<u8>) {
        for (key, value) in map.entries() {
            wire::nested(tag, out, |out| {
                FormOf::<M::Key>::encode(key, 1, out);
                FormOf::<M::Value>::encode(value, 2, out);
            });
        }
    }

    fn merge(slot: &mut M, wire: WireType, input: &mut Input<'_>) -> Result<(), Fault> {
        if wire != WireType::LengthDelimited {
            return Err(Fault::mismatch("an entry of a map", wire));
        }
        let mut entry = input.nested()?;
        let (mut key, mut value) = (Slot::<M::Key>::default(), Slot::<M::Value>::default());
        while let Some((tag, wire)) = entry.key()? {
            match tag {
                1 => FormOf::<M::Key>::merge(&mut key, wire, &mut entry)
                    .map_err(|fault| fault.within("key"))?,
                2 => FormOf::<M::Value>::merge(&mut value, wire, &mut entry)
                    .map_err(|fault| fault.within("value"))?,
                _ => entry.skip(tag, wire)?,
            }
        }
        let value = FormOf::<M::Value>::finish(value).map_err(|fault| fault.within("value"))?;
        slot.put(FormOf::<M::Key>::finish(key)?, value);
        Ok(())
    }

    #[inline]
    fn finish(slot: M) -> Result<M, Fault> {
        Ok(slot)
    }

    #[inline]
    fn is_absent(map: &M) -> bool {
        map.entries().len() == 0
    }

    fn serialize<S: Serializer>(map: &M, serializer: S) -> Result<S::Ok, S::Error> {
        let entries = map.entries();
        let mut written = serializer.serialize_map(Some(entries.len()))?;
        for (key, value) in entries {
            written.serialize_entry(
                &Written::<_, FormOf<M::Key>>::new(key),
                &Written::<_, FormOf<M::Value>>::new(value),
            )?;
        }
        written.end()
    }

    fn read<'de, D: Deserializer<'de>>(slot: &mut M, deserializer: D) -> Result<(), D::Error> {
        *slot = deserializer.deserialize_any(MapVisitor(PhantomData))?;
        Ok(())
    }

    fn describe() -> (Label, Kind) {
        let (key, value) = (
            FormOf::<M::Key>::describe().1,
            FormOf::<M::Value>::describe().1,
        );
        (Label::Plain, Kind::Map(Box::new(key), Box::new(value)))
    }
}

struct MapVisitor<M>(PhantomData<M>);

impl<'de, M: Table> Visitor<'de> for MapVisitor<M> {
    type Value = M;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_unit<E>(self) -> Result<M, E> {
        Ok(M::default())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<M, A::Error> {
        let mut map = M::default();
        map.expect(cautious::<(M::Key, M::Value)>(entries.size_hint()));
        while let Some(key) = entries.next_key_seed(Whole::<M::Key, FormOf<M::Key>>::new())? {
            map.put(
                key,
                entries.next_value_seed(Whole::<M::Value, FormOf<M::Value>>::new())?,
            );
        }
        Ok(map)
    }
}
