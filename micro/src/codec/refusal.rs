//! What a sender is told of a body that cannot be read: the message, the field, what was expected.
//!
//! Only ever reached after a mistake, so nothing here is on the way of a good body.

use std::any::type_name;
use std::borrow::Cow;

use serde::de::{DeserializeOwned, Deserializer};
use serde_path_to_error::Track;

use crate::error::Error;

/// The most that a sender is told, in bytes: the mistake may quote the body.
const LIMIT: usize = 512;

/// Reads values of some type and forgets them.
#[derive(Clone, Copy)]
pub(super) struct Reader {
    name: &'static str,
    read: fn(&mut dyn erased_serde::Deserializer<'_>) -> Result<(), erased_serde::Error>,
}

impl Reader {
    /// That of `T`.
    pub(super) fn of<T: DeserializeOwned>() -> Self {
        Self {
            name: type_name::<T>(),
            read: |deserializer| erased_serde::deserialize::<T>(deserializer).map(drop),
        }
    }

    /// The full name of the type.
    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    /// The field in which reading fails; empty if it does not, or in none.
    pub(super) fn fails_at<'de, D: Deserializer<'de>>(&self, deserializer: D) -> String {
        let mut track = Track::new();
        let tracked = serde_path_to_error::Deserializer::new(deserializer, &mut track);
        let outcome = (self.read)(&mut <dyn erased_serde::Deserializer<'_>>::erase(tracked));
        match outcome {
            Ok(()) => String::new(),
            Err(_) => track.path().to_string(),
        }
    }
}

/// The error that says so: `HelloRequest.name: expected …`.
pub(super) fn refuse(id: &'static str, name: &str, field: &str, what: &str) -> Error {
    let mut detail = short_name(name);
    // What has no name is a dot or a question mark.
    let field = field.trim_end_matches(['.', '?']);
    if !field.is_empty() {
        detail.push('.');
        detail.push_str(&ending(field));
    }
    detail.extend([": ", &reworded(what)]);
    if detail.len() > LIMIT {
        detail.truncate(detail.floor_char_boundary(LIMIT));
        detail.push('…');
    }
    Error::bad_request(id, detail)
}

/// The last names of a long way, so that there is room for what is wrong at its end.
fn ending(field: &str) -> Cow<'_, str> {
    match field.len().checked_sub(LIMIT / 2) {
        None | Some(0) => field.into(),
        Some(over) => format!("…{}", &field[field.ceil_char_boundary(over)..]).into(),
    }
}

/// `invalid type: A, expected B` as `expected B, found A`, which are our words elsewhere.
fn reworded(what: &str) -> String {
    let found = what
        .strip_prefix("invalid type: ")
        .or_else(|| what.strip_prefix("invalid value: "));
    let Some((found, expected)) = found.and_then(|text| text.rsplit_once(", expected ")) else {
        return what.to_owned();
    };
    let (expected, place) = expected.rsplit_once(" at ").unwrap_or((expected, ""));
    let at = if place.is_empty() { "" } else { " at " };
    format!("expected {expected}, found {found}{at}{place}")
}

/// The name of a type without the modules it is in.
pub(super) fn short_name(name: &str) -> String {
    let mut short = String::new();
    for part in name.split_inclusive(['<', '>', ',', ' ', '(', ')', '[', ']', '&', ';']) {
        short.push_str(part.rsplit("::").next().unwrap_or(part));
    }
    short
}

#[cfg(test)]
mod tests {
    use super::{refuse, reworded, short_name};

    #[test]
    fn what_is_expected_comes_first() {
        let words = "invalid type: integer `9`, expected a string at line 1 column 13";

        assert_eq!(
            reworded(words),
            "expected a string, found integer `9` at line 1 column 13"
        );
        assert_eq!(
            reworded("invalid value: a, expected b"),
            "expected b, found a"
        );
        assert_eq!(reworded("trailing characters"), "trailing characters");
    }

    #[test]
    fn names_of_types_are_told_without_modules() {
        assert_eq!(short_name("greeter::api::HelloRequest"), "HelloRequest");
        assert_eq!(
            short_name("a::Page<b::c::User, alloc::string::String>"),
            "Page<User, String>"
        );
    }

    #[test]
    fn a_long_way_to_a_mistake_is_told_from_its_end() {
        let error = refuse("a", "b::C", &"left.".repeat(400), "too deep");

        assert!(
            error.detail().starts_with("C.…") && error.detail().ends_with(".left: too deep"),
            "{error}"
        );
        assert!(error.detail().len() < 300);
    }

    #[test]
    fn a_long_mistake_is_cut_short() {
        let error = refuse("a", "b::C", "", &"ä".repeat(400));

        assert!(
            error.detail().len() < 520 && error.detail().ends_with('…'),
            "{error}"
        );
    }
}
