//! JSON, as go-micro's peers send and read it.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, Result};

pub(super) fn encode<T: Serialize>(value: &T, out: &mut Vec<u8>) -> Result<()> {
    serde_json::to_writer(out, value).map_err(|source| {
        Error::internal("micro.codec.json", "the value has no JSON form").with_source(source)
    })
}

pub(super) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    serde_json::from_slice(bytes).map_err(|source| {
        Error::bad_request(
            "micro.codec.json",
            format!("the body is not the JSON expected: {source}"),
        )
    })
}
