//! The message without fields, which is what `()` is sent as: `{}` in JSON, no bytes in protobuf.

use serde::de::{Deserialize, Deserializer, MapAccess};
use serde::ser::{Serialize, SerializeStruct as _, Serializer};

use super::field::Field;
use super::field::keyed::deserialize;
use super::field::nested::Nested;
use super::field::record::{Keys, Record, Slots};
use super::format::{Format, Message};
use super::schema::{Schema, Shape};
use super::wire::{Fault, Input, WireType};

/// A message without fields; when it is read, fields that others know are passed over.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Empty;

impl Message for () {
    fn format() -> Format<Self> {
        Format::empty()
    }
}

impl Field for Empty {
    type Form = Nested;
}

impl Record for Empty {
    type Slots = Self;

    fn encode(&self, _out: &mut Vec<u8>) {}

    fn is_absent(&self) -> bool {
        true
    }
}

impl Slots for Empty {
    type Record = Self;

    fn merge(&mut self, tag: u32, wire: WireType, input: &mut Input<'_>) -> Result<(), Fault> {
        input.skip(tag, wire)
    }

    fn finish(self) -> Result<Self, Fault> {
        Ok(self)
    }

    fn schema() -> Schema {
        Schema::of::<Self>("Empty", Shape::Message(Vec::new()))
    }
}

impl Keys for Empty {
    fn place(_name: &str) -> Option<usize> {
        None
    }

    fn read<'de, A: MapAccess<'de>>(
        &mut self,
        _place: usize,
        _map: &mut A,
    ) -> Result<(), A::Error> {
        Ok(())
    }
}

impl Serialize for Empty {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_struct("Empty", 0)?.end()
    }
}

impl<'de> Deserialize<'de> for Empty {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserialize::<Self, D>(deserializer)
    }
}
