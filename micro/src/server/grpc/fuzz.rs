//! What the fuzzer drives: what tools ask of reflection.

use super::health;
use super::reflection::{self, Index};
use crate::codec::{Input, WireType};

/// Where a reply repeats the request.
const ORIGINAL: u32 = 2;

/// A request that can be read is answered, by a message that repeats it.
pub fn reflect(request: &[u8]) {
    let index = Index::new(&[health::file(), reflection::file(reflection::PACKAGES[0])]);
    let Ok(reply) = index.answer(request) else {
        return;
    };
    let mut input = Input::new(&reply);
    let mut repeated = None;
    while let Ok(Some((tag, wire))) = input.key() {
        match (tag, wire) {
            (ORIGINAL, WireType::LengthDelimited) => repeated = input.bytes().ok(),
            _ => assert!(input.skip(tag, wire).is_ok()),
        }
    }
    assert!(input.is_empty());
    assert_eq!(repeated, Some(request));
}
