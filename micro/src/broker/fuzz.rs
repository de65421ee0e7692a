//! What the fuzzer drives: envelopes.

use super::envelope::{TOPIC, read, write};
use crate::limits::Limits;

/// An envelope that can be read holds the same after it was written.
pub fn envelope(data: &[u8]) {
    let Ok(opened) = read(None, data) else { return };
    let limits = Limits::default();
    let Ok(written) = write(
        &[TOPIC],
        &opened.topic,
        &opened.message,
        opened.attempt,
        &limits,
    ) else {
        return;
    };
    match read(None, &written) {
        Ok(again) => {
            assert_eq!(again.topic, opened.topic);
            assert_eq!(again.attempt, opened.attempt);
            assert_eq!(again.message.content_type, opened.message.content_type);
            assert_eq!(again.message.metadata, opened.message.metadata);
            assert_eq!(again.message.body, opened.message.body);
        }
        Err(error) => panic!("what was written cannot be read: {error}"),
    }
}
