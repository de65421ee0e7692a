//! MessagePack with named fields.

use std::io::Cursor;

use rmp_serde::decode::Error as Mistake;
use serde::Serialize;
use serde::de::{Deserialize as _, DeserializeOwned};

use super::format::{Functions, Shown};
use super::refusal::{Reader, refuse};
use crate::error::{Error, Result};

const ID: &str = "micro.codec.msgpack";

/// How deep lists and maps may be nested: as in serde's JSON.
pub(super) const DEPTH: usize = 128;

/// How values of `T` are written and read, shown to serde as an `S`.
pub(super) const fn functions<T, S: Shown<T>>() -> Option<Functions<T>> {
    Some(Functions {
        encode: |value, out| encode(S::of(value), out),
        decode: |bytes| decode(bytes).map(S::into_value),
    })
}

fn encode<T: Serialize>(value: &T, out: &mut Vec<u8>) -> Result<()> {
    // Named, since positional fields cannot be left out or added later.
    value
        .serialize(&mut rmp_serde::Serializer::new(out).with_struct_map())
        .map_err(|source| {
            Error::internal(ID, "the value has no MessagePack form").with_source(source)
        })
}

fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    read(bytes).map_err(|mistake| explain(Reader::of::<T>(), bytes, mistake))
}

pub(super) fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Mistake> {
    let mut deserializer = rmp_serde::Deserializer::from_read_ref(bytes);
    deserializer.set_max_depth(DEPTH);
    let value = T::deserialize(&mut deserializer)?;
    // The deserializer does not say how far it has come: there must be nothing for it to read.
    match bool::deserialize(&mut deserializer) {
        Err(Mistake::InvalidMarkerRead(_)) => Ok(value),
        _ => Err(Mistake::Uncategorized("bytes behind the value".to_owned())),
    }
}

/// Reads the bytes once more, to find out in which field the mistake is.
#[cold]
fn explain(reader: Reader, bytes: &[u8], mistake: Mistake) -> Error {
    let mut again = rmp_serde::Deserializer::new(Cursor::new(bytes));
    again.set_max_depth(DEPTH);
    let field = reader.fails_at(&mut again);
    let what = match &mistake {
        Mistake::InvalidMarkerRead(_) | Mistake::InvalidDataRead(_) => {
            "the bytes end within a value".to_owned()
        }
        Mistake::Uncategorized(what) => what.clone(),
        other => other.to_string(),
    };
    let what = format!("{what} at byte {}", again.position());
    refuse(ID, reader.name(), &field, &what).with_source(mistake)
}
