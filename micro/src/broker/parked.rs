//! Messages that nobody could handle: what is kept with them.

use super::{ATTEMPTS, ID, REASON};
use crate::error::Error;
use crate::message::Message;

/// How much is kept of a reason: some servers bound what stands before a message.
const LONGEST_REASON: usize = 16 << 10;

/// `message` as it is parked after `attempts` tries, with the reason.
pub(super) fn with_reason(mut message: Message, attempts: u32, error: &Error) -> Message {
    message.metadata.set(REASON, &reason(error));
    message.metadata.set(ATTEMPTS, &attempts.to_string());
    message
}

/// What was parked, as it was published.
pub(super) fn without_reason(mut message: Message) -> Message {
    message.metadata.remove(REASON);
    message.metadata.remove(ATTEMPTS);
    message
}

fn reason(error: &Error) -> String {
    let json = error.to_json();
    if json.len() <= LONGEST_REASON {
        return json;
    }
    // Each character may be written as an escape of six.
    let start: String = error.detail().chars().take(LONGEST_REASON / 12).collect();
    Error::new(error.code(), ID, start).to_json()
}

#[cfg(test)]
mod tests {
    use super::{Error, LONGEST_REASON, reason};

    #[test]
    fn a_reason_of_any_length_is_kept_within_its_bound() {
        let error = Error::conflict("test", "\u{1}".repeat(100_000));

        let reason = reason(&error);

        assert!(reason.len() <= LONGEST_REASON);
        assert_eq!(Error::from_wire(&reason).code(), 409);
    }
}
