//! What gRPC's own tools ask of every server: whether it serves, and what.
//!
//! Ordinary handlers under the names of gRPC's services; the router has them beside those of the user, and they are
//! never announced. Their messages are read and written by hand, and have schemas so that reflection tells of them, too.

#[cfg(fuzzing)]
pub(crate) mod fuzz;
mod health;
mod reflection;

use std::collections::HashSet;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use self::reflection::Index;
use super::definition::{Definition, proto_files};
use super::health::Health;
use crate::codec::{Kind, Label, Member, ProtoFile};

const STRING: Kind = Kind::Scalar("string");
const INT32: Kind = Kind::Scalar("int32");

/// The services that tell of `own`, whose state is `health`; streams of theirs end with `leaving`.
pub(super) fn definitions(
    own: &[Definition],
    health: &Health,
    leaving: &CancellationToken,
) -> Vec<Definition> {
    let mut files = proto_files(own);
    files.push(health::file());
    files.extend(reflection::PACKAGES.map(reflection::file));
    let services = files.iter().flat_map(ProtoFile::services);
    let names: HashSet<String> = own
        .iter()
        .map(|own| own.name.to_string())
        .chain([String::new()])
        .chain(services)
        .collect();
    let mut definitions = vec![health::definition(names, health, leaving)];
    let index = Arc::new(Index::new(&files));
    let reflect = |package| reflection::definition(package, &index, leaving);
    definitions.extend(reflection::PACKAGES.map(reflect));
    definitions
}

/// What is said of a name that is not there.
fn missing(name: &str) -> String {
    let shown: String = name.chars().take(100).collect();
    format!("there is no \"{shown}\" here")
}

/// Writes a type that stands for a message, with its schema.
macro_rules! message {
    ($name:ident { $($field:ident = $tag:literal: $kind:expr $(, $fact:ident = $value:expr)*;)* }) => {
        enum $name {}

        impl $name {
            fn schema() -> Schema {
                let members = vec![$(Member {
                    $($fact: $value,)*
                    ..super::field(stringify!($field), $tag, $kind)
                }),*];
                Schema::of::<Self>(stringify!($name), Shape::Message(members))
            }
        }
    };
}
use message;

fn field(name: &'static str, tag: u32, kind: Kind) -> Member {
    Member {
        name,
        tag,
        one_of: None,
        label: Label::Plain,
        kind,
    }
}
