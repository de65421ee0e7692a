//! How values of one type are written and read, by content type.
//!
//! A [`Format`] is made where a type is known (by a macro, or by [`Message::format`]) and carried
//! to where it is not: past this table nothing is generic. Used by the client and server ends.

use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{json, msgpack};
use crate::error::{Error, Result};
use crate::message::ContentType;

/// A type that can be sent and received.
///
/// Written by `#[micro::message]`; a plain serde type is sent wrapped in [`Plain`].
pub trait Message: Sized + Send + 'static {
    /// How values of this type are written and read.
    fn format() -> Format<Self>;
}

/// A serde type as a message: JSON and MessagePack, no protobuf.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Plain<T>(pub T);

/// The functions of one codec for one type.
pub struct Functions<T> {
    /// Appends the encoded value.
    pub encode: fn(&T, &mut Vec<u8>) -> Result<()>,
    /// Reads one value, which is the whole of the bytes.
    pub decode: fn(&[u8]) -> Result<T>,
}

/// A table of functions that write and read one type, by content type.
pub struct Format<T> {
    pub(super) json: Option<Functions<T>>,
    pub(super) msgpack: Option<Functions<T>>,
    pub(super) protobuf: Option<Functions<T>>,
}

impl<T: Serialize + DeserializeOwned> Format<T> {
    /// JSON and MessagePack by serde.
    pub const fn serde() -> Self {
        Self {
            json: Some(Functions {
                encode: json::encode::<T>,
                decode: json::decode::<T>,
            }),
            msgpack: Some(Functions {
                encode: msgpack::encode::<T>,
                decode: msgpack::decode::<T>,
            }),
            protobuf: None,
        }
    }
}

impl<T> Format<T> {
    /// Appends `value` to `out`, encoded as `content_type`.
    ///
    /// # Errors
    ///
    /// `unsupported` (415) if the type cannot be written so.
    pub fn encode(&self, value: &T, content_type: &ContentType, out: &mut Vec<u8>) -> Result<()> {
        (self.functions(content_type)?.encode)(value, out)
    }

    /// Reads a value from `bytes`, all of them.
    ///
    /// # Errors
    ///
    /// `unsupported` (415) if the type cannot be read so, `bad_request` (400) if the bytes are wrong.
    pub fn decode(&self, content_type: &ContentType, bytes: &[u8]) -> Result<T> {
        (self.functions(content_type)?.decode)(bytes)
    }

    /// The content types that the type can be written and read as, preferred first.
    pub fn content_types(&self) -> impl Iterator<Item = ContentType> {
        [
            (ContentType::MSGPACK, self.msgpack.is_some()),
            (ContentType::PROTOBUF, self.protobuf.is_some()),
            (ContentType::JSON, self.json.is_some()),
        ]
        .into_iter()
        .filter_map(|(content_type, there)| there.then_some(content_type))
    }

    /// tmp
    pub fn schema(&self) -> Option<super::Schema> {
        None
    }

    fn functions(&self, content_type: &ContentType) -> Result<&Functions<T>> {
        let found = match content_type.as_str() {
            "application/json" => self.json.as_ref(),
            "application/msgpack" => self.msgpack.as_ref(),
            "application/protobuf" => self.protobuf.as_ref(),
            _ => None,
        };
        found.ok_or_else(|| {
            Error::unsupported(
                "micro.codec",
                format!("content type {content_type:?} is not supported here"),
            )
        })
    }
}

impl<T> Clone for Format<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Format<T> {}

impl<T> Clone for Functions<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Functions<T> {}

impl<T> fmt::Debug for Functions<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Functions")
    }
}

impl<T> fmt::Debug for Format<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.content_types()).finish()
    }
}

impl<T: Serialize + DeserializeOwned + Send + 'static> Message for Plain<T> {
    fn format() -> Format<Self> {
        Format::serde()
    }
}

impl<T: Serialize> Serialize for Plain<T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de, T: serde::Deserialize<'de>> serde::Deserialize<'de> for Plain<T> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(deserializer).map(Self)
    }
}
