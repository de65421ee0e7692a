//! JSON, as go-micro's peers send and read it.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::refusal::{Reader, refuse};
use crate::error::{Error, Result};

const ID: &str = "micro.codec.json";

pub(super) fn encode<T: Serialize>(value: &T, out: &mut Vec<u8>) -> Result<()> {
    serde_json::to_writer(out, value)
        .map_err(|source| Error::internal(ID, "the value has no JSON form").with_source(source))
}

pub(super) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    serde_json::from_slice(bytes).map_err(|source| explain(Reader::of::<T>(), bytes, source))
}

/// Reads the bytes once more, to find out in which field the mistake is.
#[cold]
fn explain(reader: Reader, bytes: &[u8], source: serde_json::Error) -> Error {
    let mut again = serde_json::Deserializer::from_slice(bytes);
    let field = reader.fails_at(&mut again);
    refuse(ID, reader.name(), &field, &source.to_string()).with_source(source)
}
