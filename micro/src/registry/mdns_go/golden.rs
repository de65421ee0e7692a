//! What was captured of go-micro's registry, for the tests of who reads and writes it.

use serde_json::Value;

const CAPTURE: &str = include_str!("../../../../tests/golden/mdns.json");

pub(super) fn vector(id: &str) -> Value {
    let all: Value = serde_json::from_str(CAPTURE).unwrap();
    let vectors = all["vectors"].as_array().unwrap();
    let found = vectors.iter().find(|vector| vector["id"] == id);
    found
        .unwrap_or_else(|| panic!("there is no vector {id}"))
        .clone()
}

/// The packet that was captured.
pub(super) fn packet(vector: &Value) -> Vec<u8> {
    let (pairs, _) = vector["hex"].as_str().unwrap().as_bytes().as_chunks::<2>();
    let byte = |pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap();
    pairs.iter().map(|pair| byte(pair)).collect()
}
