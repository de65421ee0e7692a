//! MessagePack with named fields.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, Result};

pub(super) fn encode<T: Serialize>(value: &T, out: &mut Vec<u8>) -> Result<()> {
    // Named, since positional fields cannot be left out or added later.
    value
        .serialize(&mut rmp_serde::Serializer::new(out).with_struct_map())
        .map_err(|source| {
            Error::internal("micro.codec.msgpack", "the value has no MessagePack form")
                .with_source(source)
        })
}

pub(super) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    rmp_serde::from_slice(bytes).map_err(|source| {
        Error::bad_request(
            "micro.codec.msgpack",
            format!("the body is not the MessagePack expected: {source}"),
        )
    })
}
