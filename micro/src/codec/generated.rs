//! Exactly what the code that `#[micro::message]` generates may name.

pub use std::vec::Vec;

pub use {core, serde};

pub use super::field::choice::{deserialize_choice, serialize_choice};
pub use super::field::coded::{FieldAs, Fixed, Sint};
pub use super::field::keyed::{deserialize, read_variant_slots};
pub use super::field::nested::Nested;
pub use super::field::one_of::{Alternatives, Inline, OneOf};
pub use super::field::record::{
    Keys, Record, Slots, count, finish_slots, marker, merge_slots, unset,
};
pub use super::field::{Choice, Enumeration, Field, Form, Single, Value};
pub use super::format::{Format, Message};
pub use super::schema::{Schema, Shape, label, member_slots, name};
pub use super::wire::{Fault, Input, WireType, nested};
