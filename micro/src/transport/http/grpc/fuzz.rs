//! What the fuzzer drives: limits of time.

use std::time::Duration;

use super::timeout::read;

/// A limit that can be read is at most what eight digits of hours say.
pub fn timeout(text: &str) {
    const LONGEST: Duration = Duration::from_hours(99_999_999);
    assert!(read(text).is_none_or(|limit| limit <= LONGEST));
}
