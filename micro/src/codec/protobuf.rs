//! Protobuf: one message, nothing around it. No bytes are the empty message.

use super::field::record::merge_all;
use super::field::{Record, Slots};
use super::refusal::{refuse, short_name};
use super::wire::{Fault, Input};
use crate::error::{Error, Result};

const ID: &str = "micro.codec.protobuf";

pub(super) fn encode<T: Record>(value: &T, out: &mut Vec<u8>) -> Result<()> {
    value.encode(out);
    Ok(())
}

pub(super) fn decode<T: Record>(bytes: &[u8]) -> Result<T> {
    let mut slots = T::Slots::default();
    merge_all(&mut slots, &mut Input::new(bytes))
        .and_then(|()| slots.finish())
        .map_err(|fault| refused(std::any::type_name::<T>(), &fault))
}

#[cold]
fn refused(name: &str, fault: &Fault) -> Error {
    refuse(ID, name, &fault.path(), fault.reason())
}

pub(super) fn encode_prost<T: prost::Message>(value: &T, out: &mut Vec<u8>) -> Result<()> {
    value
        .encode(out)
        .map_err(|source| Error::internal(ID, "the value has no protobuf form").with_source(source))
}

pub(super) fn decode_prost<T: prost::Message + Default>(bytes: &[u8]) -> Result<T> {
    T::decode(bytes).map_err(|source| {
        let name = short_name(std::any::type_name::<T>());
        Error::bad_request(ID, format!("{name}: {source}")).with_source(source)
    })
}
