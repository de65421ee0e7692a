//! Derives under the attribute, and traits that are written by hand.

#![deny(warnings)]

use std::fmt;

use serde::{Deserialize, Serialize};

#[micro::message]
#[derive(Debug, Clone, PartialEq, Default, Eq, Hash, PartialOrd, Ord)]
struct Derived {
    name: String,
}

#[micro::message(without(Debug, Default))]
struct Secret {
    password: String,
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

impl Default for Secret {
    fn default() -> Self {
        Self { password: "1234".to_owned() }
    }
}

#[micro::message]
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct OwnForm {
    #[serde(default)]
    user_name: String,
}

#[micro::message]
#[derive(Serialize)]
struct OwnWriting {
    inner: OwnForm,
}

#[micro::message]
#[derive(Serialize, Deserialize)]
enum OwnEnum {
    #[default]
    One,
    Two(OwnWriting),
}

#[micro::message(plain)]
struct Plain(std::time::Duration, [u8; 4]);

fn main() {
    assert_eq!(format!("{:?}", Secret::default()), "Secret");
    let _ = (Derived::default(), OwnWriting::default(), OwnEnum::default());
    let _ = <Plain as micro::Message>::format();
}
