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

/// The fields of a typed error, as JSON values.
pub type FieldMap = Map<String, Value>;

/// The type of a field of a typed error.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a field of an error: annotate it with `#[micro::message]`, or derive serde's `Serialize` and `Deserialize`",
    label = "has no form on the wire"
)]
pub trait Field: Sized {
    /// Adds it to `fields`; what has no JSON form is sent as null.
    fn add(&self, name: &str, fields: &mut FieldMap);

    /// The field called `name`, or `None` if it is not there or not of this type.
    fn find(fields: &FieldMap, name: &str) -> Option<Self>;
}

#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned> Field for T {
    fn add(&self, name: &str, fields: &mut FieldMap) {
        let value = serde_json::to_value(self).unwrap_or_default();
        fields.insert(name.to_owned(), value);
    }

    fn find(fields: &FieldMap, name: &str) -> Option<Self> {
        T::deserialize(fields.get(name).unwrap_or(&Value::Null)).ok()
    }
}

/// The error that a variant becomes. Its id is filled in by the service that answers with it.
pub fn typed_error(code: u16, reason: &'static str, detail: String, fields: FieldMap) -> Error {
    Error::new(code, "", detail).with_reason(reason, fields)
}
