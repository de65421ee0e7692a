//! BSON, with the habits of go-micro's: texts are binary of subtype 0, integers have 64 bits.
//!
//! Both forms of text are read. Keys are texts, so maps by number have no form; what is no document stands in one, as
//! `_Val_`.

use bson::error::{Error as Mistake, Result as Outcome};
use bson::raw::RawArrayIter;
use bson::spec::BinarySubtype;
use bson::{RawArrayBuf, RawBinaryRef, RawBson, RawBsonRef, RawDocument, RawDocumentBuf};
use serde::de::value::{BorrowedStrDeserializer, MapAccessDeserializer};
use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor,
};
use serde::{Serialize, forward_to_deserialize_any};

use super::registered::{Backend, Codec, Target};
use crate::error::{Error, Result};

const ID: &str = "micro.codec.bson";

/// The key of a value that is no document.
const VALUE: &str = "_Val_";

/// How deep lists and documents may be nested: as in serde's JSON.
const DEPTH: usize = 128;

#[derive(Debug)]
struct Bson;

impl Codec for Bson {
    fn content_types(&self) -> &'static [&'static str] {
        &["application/bson"]
    }

    fn encode(&self, value: &dyn erased_serde::Serialize, out: &mut Vec<u8>) -> Result<()> {
        let document = write(value).map_err(|source| {
            Error::internal(ID, "the value has no BSON form").with_source(source)
        })?;
        out.extend_from_slice(document.as_bytes());
        Ok(())
    }

    fn decode(&self, bytes: &[u8], target: Target<'_>) -> Result<()> {
        target.read(Value::of(bytes)?)
    }
}

inventory::submit! { Backend::new(&Bson) }

/// Reads a document that is all of `bytes`.
pub(super) fn read<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T> {
    T::deserialize(Value::of(bytes)?).map_err(wrong)
}

pub(super) fn write<T: Serialize + ?Sized>(value: &T) -> Outcome<RawDocumentBuf> {
    #[derive(Serialize)]
    struct Only<'a, T: ?Sized> {
        #[serde(rename = "_Val_")]
        value: &'a T,
    }
    let whole = bson::serialize_to_raw_document_buf(&Only { value })?;
    match whole.get(VALUE)? {
        Some(RawBsonRef::Document(document)) => in_go(document),
        _ => in_go(&whole),
    }
}

/// The document as Go writes it.
fn in_go(document: &RawDocument) -> Outcome<RawDocumentBuf> {
    let mut ours = RawDocumentBuf::new();
    for entry in document {
        let (key, value) = entry?;
        ours.append(key, value_in_go(value)?);
    }
    Ok(ours)
}

fn value_in_go(value: RawBsonRef<'_>) -> Outcome<RawBson> {
    Ok(match value {
        RawBsonRef::String(text) => RawBsonRef::Binary(RawBinaryRef {
            subtype: BinarySubtype::Generic,
            bytes: text.as_bytes(),
        })
        .into(),
        RawBsonRef::Int32(number) => RawBson::Int64(number.into()),
        RawBsonRef::Document(document) => RawBson::Document(in_go(document)?),
        RawBsonRef::Array(list) => {
            let mut ours = RawArrayBuf::new();
            for item in list {
                ours.push(value_in_go(item?)?);
            }
            RawBson::Array(ours)
        }
        other => other.into(),
    })
}

fn wrong(source: Mistake) -> Error {
    Error::bad_request(ID, format!("the bytes are no BSON: {source}")).with_source(source)
}

/// A value that is read where it stands.
struct Value<'de> {
    value: RawBsonRef<'de>,
    /// How many more levels it may have.
    left: usize,
}

impl<'de> Value<'de> {
    /// What the document that is all of `bytes` stands for.
    fn of(bytes: &'de [u8]) -> Result<Self> {
        let document = RawDocument::from_bytes(bytes).map_err(wrong)?;
        let value = match document.into_iter().next() {
            Some(Ok((key, value))) if key.as_str() == VALUE => value,
            _ => RawBsonRef::Document(document),
        };
        Ok(Self { value, left: DEPTH })
    }

    /// How many more levels what is inside may have.
    fn inside(&self) -> Outcome<usize> {
        let left = self.left.checked_sub(1);
        left.ok_or_else(|| Mistake::custom(format!("it is nested deeper than {DEPTH} levels")))
    }

    fn octets(&self) -> Option<&'de [u8]> {
        match self.value {
            RawBsonRef::Binary(binary) => Some(binary.bytes),
            _ => None,
        }
    }

    fn text(&self) -> Option<&'de str> {
        match self.value {
            RawBsonRef::String(text) | RawBsonRef::Symbol(text) => Some(text),
            _ => self
                .octets()
                .and_then(|octets| std::str::from_utf8(octets).ok()),
        }
    }
}

impl<'de> Deserializer<'de> for Value<'de> {
    type Error = Mistake;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Outcome<V::Value> {
        if let Some(text) = self.text() {
            return visitor.visit_borrowed_str(text);
        }
        match self.value {
            RawBsonRef::Binary(binary) => visitor.visit_borrowed_bytes(binary.bytes),
            RawBsonRef::Double(number) => visitor.visit_f64(number),
            RawBsonRef::Int32(number) => visitor.visit_i32(number),
            RawBsonRef::Int64(number) => visitor.visit_i64(number),
            RawBsonRef::Boolean(is) => visitor.visit_bool(is),
            RawBsonRef::DateTime(time) => visitor.visit_i64(time.timestamp_millis()),
            RawBsonRef::Null | RawBsonRef::Undefined => visitor.visit_unit(),
            RawBsonRef::Document(document) => visitor.visit_map(Entries {
                left: self.inside()?,
                rest: document.into_iter(),
                value: None,
            }),
            RawBsonRef::Array(list) => visitor.visit_seq(Items {
                left: self.inside()?,
                rest: list.into_iter(),
            }),
            other => Err(Mistake::custom(format!(
                "no message has a {:?}",
                other.element_type()
            ))),
        }
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Outcome<V::Value> {
        match self.octets() {
            Some(octets) => visitor.visit_borrowed_bytes(octets),
            None => self.deserialize_any(visitor),
        }
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Outcome<V::Value> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Outcome<V::Value> {
        match self.value {
            RawBsonRef::Null | RawBsonRef::Undefined => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Outcome<V::Value> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Outcome<V::Value> {
        match (self.text(), self.value) {
            (Some(text), _) => {
                BorrowedStrDeserializer::new(text).deserialize_enum(name, variants, visitor)
            }
            (None, RawBsonRef::Document(document)) => MapAccessDeserializer::new(Entries {
                left: self.inside()?,
                rest: document.into_iter(),
                value: None,
            })
            .deserialize_enum(name, variants, visitor),
            (None, _) => self.deserialize_any(visitor),
        }
    }

    // What nobody reads is not gone into.
    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Outcome<V::Value> {
        visitor.visit_unit()
    }

    fn is_human_readable(&self) -> bool {
        false
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string unit unit_struct seq
        tuple tuple_struct map struct identifier
    }
}

/// The entries of a document, in order.
struct Entries<'de> {
    rest: <&'de RawDocument as IntoIterator>::IntoIter,
    value: Option<RawBsonRef<'de>>,
    left: usize,
}

impl<'de> MapAccess<'de> for Entries<'de> {
    type Error = Mistake;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Outcome<Option<K::Value>> {
        let Some((key, value)) = self.rest.next().transpose()? else {
            return Ok(None);
        };
        self.value = Some(value);
        seed.deserialize(BorrowedStrDeserializer::new(key.as_str()))
            .map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Outcome<V::Value> {
        let value = self.value.take().unwrap_or(RawBsonRef::Null);
        seed.deserialize(Value {
            value,
            left: self.left,
        })
    }
}

/// The items of a list, in order.
struct Items<'de> {
    rest: RawArrayIter<'de>,
    left: usize,
}

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = Mistake;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Outcome<Option<T::Value>> {
        let Some(value) = self.rest.next().transpose()? else {
            return Ok(None);
        };
        let left = self.left;
        seed.deserialize(Value { value, left }).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::{any, prop_assert_eq, proptest};
    use serde::{Deserialize, Serialize};

    use super::DEPTH;
    use crate::codec::{Message as _, Plain};
    use crate::message::ContentType;

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    enum Shape {
        Nothing,
        Circle(f64),
        Named { name: String },
    }

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Tree(Vec<Tree>);

    fn bson() -> ContentType {
        ContentType::new("application/bson")
    }

    fn written<T: Serialize + serde::de::DeserializeOwned + Send + 'static>(value: T) -> Vec<u8> {
        let mut out = Vec::new();
        let format = Plain::<T>::format();
        format.encode(&Plain(value), &bson(), &mut out).unwrap();
        out
    }

    fn read<T: Serialize + serde::de::DeserializeOwned + Send + 'static>(
        bytes: &[u8],
    ) -> crate::Result<T> {
        let format = Plain::<T>::format();
        format.decode(&bson(), bytes).map(|plain| plain.0)
    }

    #[test]
    fn a_text_is_written_as_binary() {
        let text = written("hi".to_owned());

        assert_eq!(text, b"\x13\0\0\0\x05_Val_\0\x02\0\0\0\0hi\0");
    }

    #[test]
    fn a_number_is_written_with_64_bits() {
        let map = BTreeMap::from([("n".to_owned(), 1_i32)]);

        assert_eq!(written(map), b"\x10\0\0\0\x12n\0\x01\0\0\0\0\0\0\0\0");
    }

    #[test]
    fn a_text_is_read_from_a_string_too() {
        let string = b"\x12\0\0\0\x02name\0\x03\0\0\0hi\0\0";

        let read: BTreeMap<String, String> = read(string).unwrap();

        assert_eq!(read["name"], "hi");
    }

    #[test]
    fn enums_of_all_kinds_come_back() {
        let name = "a".to_owned();
        let all = vec![Shape::Nothing, Shape::Circle(0.5), Shape::Named { name }];

        assert_eq!(read::<Vec<Shape>>(&written(all.clone())).unwrap(), all);
    }

    #[test]
    fn what_is_nested_too_deep_is_refused() {
        let deep = |levels| (1..levels).fold(Tree(Vec::new()), |tree, _| Tree(vec![tree]));

        assert!(read::<Tree>(&written(deep(DEPTH))).is_ok());
        let error = read::<Tree>(&written(deep(DEPTH + 1))).unwrap_err();
        assert_eq!(error.code(), 400);
    }

    #[test]
    fn bytes_behind_the_document_are_refused() {
        let mut bytes = written(1_i32);
        bytes.push(0);

        assert_eq!(read::<i32>(&bytes).unwrap_err().code(), 400);
    }

    proptest! {
        #[test]
        fn any_bytes_can_be_read(mut bytes in any::<Vec<u8>>()) {
            let _ = read::<serde_json::Value>(&bytes);
            // More of these get past the length.
            bytes.push(0);
            let whole = [&(bytes.len() as u32 + 4).to_le_bytes()[..], &bytes].concat();
            let _ = read::<serde_json::Value>(&whole);
        }

        #[test]
        fn what_is_written_is_what_is_read(map in any::<BTreeMap<i8, (String, i64, Option<bool>)>>()) {
            let map: BTreeMap<String, _> = map.into_iter().map(|(key, value)| (key.to_string(), value)).collect();

            prop_assert_eq!(read::<BTreeMap<String, (String, i64, Option<bool>)>>(&written(map.clone())).unwrap(), map);
        }
    }
}
