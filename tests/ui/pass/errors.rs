//! Errors of every shape, to the wire and back.

#![deny(warnings)]

use std::collections::BTreeMap;

#[micro::error]
pub enum Failure {
    #[error(code = 404)]
    NoSuchRoom,
    /// The disk is full.
    ///
    /// More about it.
    #[error(code = 507)]
    Full,
    #[error(code = 409, detail = "{by} has it, {{not}} {of:?}")]
    Taken { by: String, of: BTreeMap<String, Vec<u8>> },
    #[error(detail = "{1}{0:?}")]
    Pair(Option<i64>, f32),
    r#Type { r#fn: u8 },
}

fn crosses(failure: Failure, code: u16, detail: &str) {
    let error = micro::Error::from(failure.clone());
    assert_eq!((error.code(), error.detail()), (code, detail));
    let arrived = micro::Error::from_wire(&error.to_json());
    assert_eq!(arrived.typed::<Failure>(), Some(failure));
}

fn main() {
    crosses(Failure::NoSuchRoom, 404, "no such room");
    crosses(Failure::Full, 507, "The disk is full");
    let of = BTreeMap::from([("a".to_owned(), vec![1])]);
    crosses(Failure::Taken { by: "eve".to_owned(), of }, 409, "eve has it, {not} {\"a\": [1]}");
    crosses(Failure::Pair(None, 1.5), 500, "1.5None");
    crosses(Failure::Type { r#fn: 1 }, 500, "type");
    let source: &dyn std::error::Error = &Failure::Full;
    assert_eq!(source.to_string(), "The disk is full");
}
