//! Messages with a field of each kind, in each codec: what can be read is the same after it was written.
#![no_main]

use std::collections::BTreeMap;

use micro::Message;
use micro::message::ContentType;

/// How a thing is.
#[micro::message]
pub enum State {
    /// Nobody said.
    #[default]
    Unknown,
    /// It is ready.
    Ready,
    /// As a newer peer says.
    #[micro(unknown)]
    Other(i32),
}

/// One of several.
#[micro::message]
pub enum Shape {
    /// A number.
    Number(i64),
    /// A text.
    Text(String),
    /// Another of the same.
    Nested(Box<Every>),
}

/// A field of each kind.
#[micro::message]
pub struct Every {
    number: u32,
    signed: i64,
    ratio: f64,
    half: f32,
    is_set: bool,
    text: String,
    blob: Vec<u8>,
    maybe: Option<u64>,
    numbers: Vec<u32>,
    texts: Vec<String>,
    children: Vec<Every>,
    named: BTreeMap<String, i32>,
    state: State,
    shape: Option<Shape>,
    next: Option<Box<Every>>,
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Some((which, bytes)) = data.split_first() else {
        return;
    };
    let all = [
        ContentType::PROTOBUF,
        ContentType::JSON,
        ContentType::MSGPACK,
    ];
    let content_type = &all[usize::from(*which) % all.len()];
    let format = Every::format();
    let Ok(read) = format.decode(content_type, bytes) else {
        return;
    };
    let write = |value: &Every| {
        let mut out = Vec::new();
        format.encode(value, content_type, &mut out).map(|()| out)
    };
    // What is nested deeper than it may be is not written.
    let Ok(written) = write(&read) else { return };
    let again = format
        .decode(content_type, &written)
        .expect("what was written can be read");
    // Not the values: a NaN is not itself.
    assert_eq!(written, write(&again).expect("it can be written again"));
});
