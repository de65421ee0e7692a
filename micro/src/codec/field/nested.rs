//! The form of messages in messages.

use std::fmt;

use serde::de::Deserializer;
use serde::ser::Serializer;

use super::record::{Record, Slots, merge_nested};
use super::{Fault, Form, Input, Kind, Label, Many, Single, WireType};
use crate::codec::wire;

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

    standard!(T);

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

    fn read<'de, D: Deserializer<'de>>(
        slot: &mut Part<T>,
        deserializer: D,
    ) -> Result<(), D::Error> {
        *slot = Part::Whole(T::deserialize(deserializer)?);
        Ok(())
    }

    fn describe() -> (Label, Kind) {
        (Label::Plain, Kind::Named(T::Slots::schema))
    }
}

impl<T: Record> Single<T> for Nested {
    type Once = Self;
    type Repeated = Many<Self>;

    #[inline]
    fn put(value: &T, tag: u32, out: &mut Vec<u8>) {
        wire::nested(tag, out, |out| value.encode(out));
    }
}
