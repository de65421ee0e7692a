//! What an error says of another try: whether it may help, and when.

use std::time::Duration;

use serde_json::{Map, Value};

use super::Error;
use super::typed::TypedError;

impl Error {
    /// True if another try may succeed: codes 408, 429, 502, 503 and 504, and what never reached a handler.
    ///
    /// It does not say that a retry is safe: only an idempotent method may run twice.
    pub fn is_retryable(&self) -> bool {
        self.is_never_reached() || matches!(self.code(), 408 | 429 | 502 | 503 | 504)
    }

    /// True if whoever was called could not be reached, or did not do its work: it is not what a handler means.
    ///
    /// Being refused for asking too much (429) is an answer.
    pub(crate) fn is_outage(&self) -> bool {
        matches!(self.code(), 408 | 502..=504)
    }

    /// Says after what time the same may be asked again.
    pub(crate) fn retry_after(self, time: Duration) -> Self {
        // Rounded up: who asks again then is not to come too early.
        let millis = u64::try_from(time.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX);
        let fields = Map::from_iter([(FIELD.to_owned(), Value::from(millis))]);
        self.with_reason(REASON, fields)
    }
}

/// After what time a call that was refused may be made again, rounded up to a millisecond.
///
/// Refusals by layers say it where they know: `error.typed::<RetryAfter>()`. To callers of plain HTTP it is the header
/// `Retry-After`, too, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryAfter(pub Duration);

impl From<RetryAfter> for Error {
    fn from(RetryAfter(time): RetryAfter) -> Self {
        let detail = format!("too much at once: try again in {time:.0?}");
        Self::too_many_requests("", detail).retry_after(time)
    }
}

const REASON: &str = "micro.RetryAfter";
const FIELD: &str = "millis";

impl TypedError for RetryAfter {
    fn from_reason(reason: &str, fields: &Map<String, Value>) -> Option<Self> {
        let millis = fields.get(FIELD).and_then(Value::as_u64);
        (reason == REASON).then_some(Self(Duration::from_millis(millis?)))
    }
}

#[cfg(test)]
mod tests {
    use super::{Duration, Error, RetryAfter};

    #[test]
    fn the_time_to_wait_crosses_the_wire_rounded_up() {
        let refused = Error::too_many_requests("a", "b").retry_after(Duration::from_micros(1500));

        let seen = Error::from_wire(&refused.to_json());

        let RetryAfter(time) = seen.typed().unwrap();
        assert_eq!(time, Duration::from_millis(2));
    }
}
