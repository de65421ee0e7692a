//! What is known of a serde type without a value of it: what it asks a format for.
//!
//! For the records of a registry. A type asks and is given nothing, so fields have names and no types.

use std::fmt;

use serde::de::{self, DeserializeOwned, DeserializeSeed, Deserializer, SeqAccess, Visitor};

use super::schema::Outline;

/// How many lists and wrappers within each other are looked into: a type may hold itself.
const DEPTH: u8 = 8;

/// The outline of `T`, if it asks for something that has a name.
pub(super) fn outline<T: DeserializeOwned>() -> Option<Outline> {
    let mut seen = None;
    let asked = T::deserialize(Asked {
        seen: &mut seen,
        depth: DEPTH,
    });
    asked.is_err().then_some(seen).flatten()
}

/// Notes what it is asked for, and has nothing.
struct Asked<'a> {
    seen: &'a mut Option<Outline>,
    depth: u8,
}

impl<'a> Asked<'a> {
    fn note<T>(self, kind: &str, fields: &[&str]) -> Result<T, Nothing> {
        let named = |name: &str, kind: &str| Outline {
            name: name.to_owned(),
            kind: kind.to_owned(),
            values: Vec::new(),
        };
        *self.seen = Some(Outline {
            values: fields.iter().map(|field| named(field, "")).collect(),
            ..named(kind, kind)
        });
        Err(Nothing)
    }

    fn deeper(self) -> Result<Self, Nothing> {
        let depth = self.depth.checked_sub(1).ok_or(Nothing)?;
        Ok(Self { depth, ..self })
    }
}

/// Types that say all by asking: their names are those of Go.
macro_rules! scalars {
    ($($method:ident: $kind:literal,)*) => {$(
        fn $method<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Nothing> {
            self.note($kind, &[])
        }
    )*};
}

impl<'de> Deserializer<'de> for Asked<'_> {
    type Error = Nothing;

    scalars! {
        deserialize_bool: "bool",
        deserialize_i8: "int8",
        deserialize_i16: "int16",
        deserialize_i32: "int32",
        deserialize_i64: "int64",
        deserialize_u8: "uint8",
        deserialize_u16: "uint16",
        deserialize_u32: "uint32",
        deserialize_u64: "uint64",
        deserialize_f32: "float32",
        deserialize_f64: "float64",
        deserialize_char: "string",
        deserialize_str: "string",
        deserialize_string: "string",
        deserialize_bytes: "[]uint8",
        deserialize_byte_buf: "[]uint8",
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Nothing> {
        Err(Nothing)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Nothing> {
        visitor.visit_some(self.deeper()?)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Nothing> {
        visitor.visit_newtype_struct(self.deeper()?)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Nothing> {
        let Self { seen, depth } = self.deeper()?;
        let mut element = None;
        let asked = visitor.visit_seq(Asked {
            seen: &mut element,
            depth,
        });
        *seen = element.map(|Outline { kind, values, .. }| {
            let kind = format!("[]{kind}");
            Outline {
                name: kind.clone(),
                kind,
                values,
            }
        });
        asked
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Nothing> {
        self.note(name, fields)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        _: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Nothing> {
        self.note(name, &[])
    }

    serde::forward_to_deserialize_any! {
        i128 u128 unit unit_struct tuple tuple_struct map identifier ignored_any
    }
}

impl<'de> SeqAccess<'de> for Asked<'_> {
    type Error = Nothing;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Nothing> {
        let element = Asked {
            seen: &mut *self.seen,
            depth: self.depth,
        };
        seed.deserialize(element).map(Some)
    }
}

/// There is no value.
#[derive(Debug)]
struct Nothing;

impl de::Error for Nothing {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

impl de::StdError for Nothing {}

impl fmt::Display for Nothing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("there is no value")
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::outline;

    fn kind<T: serde::de::DeserializeOwned>() -> Option<String> {
        outline::<T>().map(|outline| outline.kind)
    }

    #[test]
    fn lists_and_options_are_looked_through() {
        assert_eq!(
            kind::<Option<Vec<Vec<u32>>>>().as_deref(),
            Some("[][]uint32")
        );
    }

    #[test]
    fn what_asks_for_nothing_with_a_name_is_not_known() {
        assert_eq!(kind::<serde_json::Value>(), None);
        assert_eq!(kind::<(u8, u8)>(), None);
        assert_eq!(kind::<Vec<()>>(), None);
    }

    #[test]
    fn a_type_that_only_holds_itself_is_not_known() {
        #[derive(Deserialize)]
        struct Endless(#[allow(dead_code)] Vec<Endless>);

        assert_eq!(kind::<Endless>(), None);
    }
}
