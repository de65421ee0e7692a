//! How values of one type are written and read, by content type.
//!
//! A [`Format`] is made where a type is known (by a macro, or by [`Message::format`]) and carried
//! to where it is not: past this table nothing is generic. Used by the client and server ends.

use std::any::type_name;
use std::fmt;

use bytes::Bytes;
use serde::de::{Deserialize, DeserializeOwned, Deserializer};
use serde::ser::{Serialize, Serializer};

use super::empty::Empty;
use super::field::{Record, Slots};
use super::refusal::short_name;
use super::registered::{self, Codec, Target};
use super::schema::{Outline, Schema};
use super::{json, msgpack, outline, protobuf};
use crate::error::{Error, Result};
use crate::message::ContentType;

/// How many levels of fields are announced.
const ANNOUNCED: usize = 3;

/// A type that can be sent and received.
///
/// Written by `#[micro::message]`; a plain serde type is sent wrapped in [`Plain`]. `()` is the
/// message without fields.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a message",
    label = "cannot be sent or received",
    note = "annotate it with `#[micro::message]`, or wrap a serde type in `micro::codec::Plain`"
)]
pub trait Message: Sized + Send + 'static {
    /// How values of this type are written and read.
    fn format() -> Format<Self>;
}

/// A serde type as a message: JSON and MessagePack, no protobuf.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Plain<T>(pub T);

/// A table of functions that write and read one type, by content type.
pub struct Format<T> {
    json: Option<Functions<T>>,
    msgpack: Option<Functions<T>>,
    protobuf: Option<Functions<T>>,
    serde: Option<Serde<T>>,
    schema: Option<fn() -> Schema>,
}

pub(super) struct Functions<T> {
    pub(super) encode: fn(&T, &mut Vec<u8>) -> Result<()>,
    pub(super) decode: fn(&[u8]) -> Result<T>,
}

type Erase<T> = for<'a> fn(&'a T) -> &'a (dyn erased_serde::Serialize + 'a);

/// How a codec that knows no types gets at the value.
struct Serde<T> {
    serialize: Erase<T>,
    deserialize: fn(&mut dyn erased_serde::Deserializer<'_>) -> Result<T, erased_serde::Error>,
    outline: fn() -> Option<Outline>,
}

/// What serde is given in place of a `T`: the value itself, but for `()`.
pub(super) trait Shown<T>: Serialize + DeserializeOwned {
    fn of(value: &T) -> &Self;
    fn into_value(self) -> T;
}

impl<T: Serialize + DeserializeOwned> Shown<T> for T {
    #[inline]
    fn of(value: &T) -> &Self {
        value
    }

    #[inline]
    fn into_value(self) -> T {
        self
    }
}

impl Shown<()> for Empty {
    fn of((): &()) -> &Self {
        &Self
    }

    fn into_value(self) {}
}

impl<T> Format<T> {
    /// JSON, MessagePack and the registered codecs, by what stands for the value.
    const fn shown<S: Shown<T>>(serialize: Erase<T>) -> Self {
        Self {
            json: Some(Functions {
                encode: |value, out| json::encode(S::of(value), out),
                decode: |bytes| json::decode(bytes).map(S::into_value),
            }),
            msgpack: msgpack::functions::<T, S>(),
            protobuf: None,
            serde: Some(Serde {
                serialize,
                deserialize: |bytes| erased_serde::deserialize(bytes).map(S::into_value),
                outline: outline::outline::<S>,
            }),
            schema: None,
        }
    }
}

impl<T: Serialize + DeserializeOwned> Format<T> {
    /// JSON, MessagePack and the registered codecs, by serde.
    pub const fn serde() -> Self {
        Self::shown::<T>(|value| value)
    }
}

impl<T: Record> Format<T> {
    /// JSON, MessagePack, protobuf and the registered codecs, for a type annotated with `#[micro::message]`.
    pub const fn message() -> Self {
        let protobuf = Functions {
            encode: protobuf::encode::<T>,
            decode: protobuf::decode::<T>,
        };
        Self {
            protobuf: Some(protobuf),
            schema: Some(T::Slots::schema),
            ..Self::serde()
        }
    }
}

impl Format<()> {
    /// That of the message without fields.
    pub(super) const fn empty() -> Self {
        Self {
            protobuf: Some(Functions {
                encode: |(), _| Ok(()),
                decode: |bytes| protobuf::decode::<Empty>(bytes).map(Empty::into_value),
            }),
            schema: Some(Empty::schema),
            ..Self::shown::<Empty>(|()| &Empty)
        }
    }
}

#[cfg(feature = "grpc")]
impl Format<Bytes> {
    /// Protobuf that its user reads and writes by hand, of the message that `schema` tells of.
    pub(crate) const fn opaque(schema: fn() -> Schema) -> Self {
        let protobuf = Functions {
            encode: |message: &Bytes, out: &mut Vec<u8>| {
                out.extend_from_slice(message);
                Ok(())
            },
            decode: |bytes: &[u8]| Ok(Bytes::copy_from_slice(bytes)),
        };
        Self {
            json: None,
            msgpack: None,
            protobuf: Some(protobuf),
            serde: None,
            schema: Some(schema),
        }
    }
}

impl<T: prost::Message + Default> Format<T> {
    /// Protobuf, for a type that prost generated.
    pub const fn prost() -> Self {
        let protobuf = Functions {
            encode: protobuf::encode_prost::<T>,
            decode: protobuf::decode_prost::<T>,
        };
        Self {
            json: None,
            msgpack: None,
            protobuf: Some(protobuf),
            serde: None,
            schema: None,
        }
    }
}

impl<T: prost::Message + Default + Serialize + DeserializeOwned> Format<T> {
    /// Protobuf by prost, all else by serde.
    pub const fn prost_and_serde() -> Self {
        Self {
            protobuf: Self::prost().protobuf,
            ..Self::serde()
        }
    }
}

impl<T> Format<T> {
    /// `value`, encoded as `content_type`, as [`encode`](Self::encode) does.
    pub(crate) fn encoded(&self, value: &T, content_type: &ContentType) -> Result<Bytes> {
        /// Room for a usual message, so that its buffer does not grow by small steps.
        const USUAL: usize = 128;
        let mut bytes = Vec::with_capacity(USUAL);
        self.encode(value, content_type, &mut bytes)?;
        Ok(bytes.into())
    }

    /// Appends `value` to `out`, encoded as `content_type`.
    ///
    /// # Errors
    ///
    /// `unsupported` (415) if the type cannot be written so; then `out` is as before.
    pub fn encode(&self, value: &T, content_type: &ContentType, out: &mut Vec<u8>) -> Result<()> {
        if let Some(functions) = self.functions(content_type) {
            return (functions.encode)(value, out);
        }
        let (codec, serde) = self.registered(content_type)?;
        codec.encode((serde.serialize)(value), out)
    }

    /// Reads a value from `bytes`, all of them.
    ///
    /// # Errors
    ///
    /// `unsupported` (415) if the type cannot be read so, `bad_request` (400) if the bytes are
    /// wrong: it names the message, the field and what was expected there.
    pub fn decode(&self, content_type: &ContentType, bytes: &[u8]) -> Result<T> {
        if let Some(functions) = self.functions(content_type) {
            return (functions.decode)(bytes);
        }
        let (codec, serde) = self.registered(content_type)?;
        let mut value = None;
        let mut read = |deserializer: &mut dyn erased_serde::Deserializer<'_>| {
            value = Some((serde.deserialize)(deserializer)?);
            Ok(())
        };
        codec.decode(bytes, Target::new(type_name::<T>(), &mut read))?;
        value.ok_or_else(|| registered::nothing_read(codec))
    }

    /// The content types that the type can be written and read as, preferred first.
    pub fn content_types(&self) -> impl Iterator<Item = ContentType> {
        let codecs = self.serde.iter().flat_map(|_| registered::all());
        [
            self.msgpack.map(|_| ContentType::MSGPACK),
            self.protobuf.map(|_| ContentType::PROTOBUF),
            self.json.map(|_| ContentType::JSON),
        ]
        .into_iter()
        .flatten()
        .chain(
            codecs
                .flat_map(|codec| codec.content_types())
                .map(|name| ContentType::new(name)),
        )
    }

    /// What the message looks like; `None` for a type that is not annotated with `#[micro::message]`.
    pub fn schema(&self) -> Option<Schema> {
        self.schema.map(|schema| schema())
    }

    /// What makes [`schema`](Self::schema), for who keeps it.
    pub(super) fn describe(&self) -> Option<fn() -> Schema> {
        self.schema
    }

    pub(super) fn has_protobuf(&self) -> bool {
        self.protobuf.is_some()
    }

    pub(super) fn has_json(&self) -> bool {
        self.json.is_some()
    }

    /// What registries are told of the type: three levels of fields of a message, as go-micro does, what
    /// serde tells of a plain type, and `None` for what nothing is known of.
    pub fn outline(&self) -> Option<Outline> {
        match (self.schema, &self.serde) {
            (Some(schema), _) => Some(schema().outline(ANNOUNCED)),
            (None, Some(serde)) => (serde.outline)(),
            (None, None) => None,
        }
    }

    #[inline]
    fn functions(&self, content_type: &ContentType) -> Option<&Functions<T>> {
        match content_type.as_str() {
            "application/json" => self.json.as_ref(),
            "application/msgpack" => self.msgpack.as_ref(),
            "application/protobuf" => self.protobuf.as_ref(),
            _ => None,
        }
    }

    fn registered(&self, content_type: &ContentType) -> Result<(&'static dyn Codec, &Serde<T>)> {
        let codec = registered::find(content_type);
        codec
            .zip(self.serde.as_ref())
            .ok_or_else(|| self.unsupported(content_type))
    }

    #[cold]
    fn unsupported(&self, content_type: &ContentType) -> Error {
        let name = short_name(type_name::<T>());
        let known: Vec<_> = self
            .content_types()
            .map(|known| known.to_string())
            .collect();
        let known = known.join(", ");
        Error::unsupported(
            "micro.codec",
            format!("{name} has no form as {content_type:?}; it has one as {known}"),
        )
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

impl<T> Clone for Serde<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Serde<T> {}

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
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Plain<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(deserializer).map(Self)
    }
}
