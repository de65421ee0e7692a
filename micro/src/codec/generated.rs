//! Exactly what the code that `#[micro::message]` generates may name.

pub use std::vec::Vec;

pub use {core, serde};

pub use super::field::choice::{deserialize_choice, serialize_choice};
pub use super::field::keyed::{deserialize, read, read_variant, read_variant_slots};
pub use super::field::nested::Nested;
pub use super::field::record::{
    Keys, Record, Slots, count, encode, finish, finish_slots, is_absent, merge, merge_slots, put,
    unset, write, write_variant,
};
pub use super::field::{Choice, Enumeration, Field, Slot, Value};
pub use super::format::{Format, Message};
pub use super::schema::{Schema, Shape, label, member, member_slots, name};
pub use super::wire::{Fault, Input, WireType, nested};
