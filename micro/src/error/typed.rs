//! Enums that cross the wire: the trait, and what `#[micro::error]` writes its conversions with.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::Error;

/// An enum whose variants cross the wire and arrive as themselves.
///
/// Implemented by `#[micro::error]`.
pub trait TypedError: Into<Error> {
    /// The variant named `reason` with `fields`, or `None` if it is not one of this type.
    fn from_reason(reason: &str, fields: &Map<String, Value>) -> Option<Self>;
}

/// The fields of a typed error as they came.
pub type FieldMap = Map<String, Value>;

/// The fields of a typed error's variant, as JSON values.
#[derive(Debug, Default)]
pub struct Fields(FieldMap);

impl Fields {
    /// No fields.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a field; one that has no JSON form is sent as null.
    pub fn with<T: Serialize>(mut self, name: &str, value: &T) -> Self {
        self.0.insert(
            name.to_owned(),
            serde_json::to_value(value).unwrap_or_default(),
        );
        self
    }
}

/// The error that a variant becomes. Its id is filled in by the service that answers with it.
pub fn typed_error(code: u16, reason: &'static str, detail: String, fields: Fields) -> Error {
    Error::new(code, "", detail).with_reason(reason, fields.0)
}

/// The field called `name`, or `None` if it is not there or not of this type.
pub fn field<T: DeserializeOwned>(fields: &FieldMap, name: &str) -> Option<T> {
    T::deserialize(fields.get(name).unwrap_or(&Value::Null)).ok()
}
