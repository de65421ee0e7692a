//! Which trace a call belongs to, as it travels in metadata, and the span that it is seen by here.
//!
//! The form is W3C Trace Context. Spans are made by `telemetry`, and kept by contexts while a handler is polled.

use std::fmt;

use tracing::Span;

/// The name that the trace travels by.
pub(crate) const PARENT: &str = "traceparent";

/// What other vendors add to it: handed on as it is.
pub(crate) const STATE: &str = "tracestate";

/// One hop of a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Trace {
    pub(crate) id: u128,
    pub(crate) span: u64,
    pub(crate) flags: u8,
}

/// Where the parts of the text form begin that every version has: trace, span, flags, and what may follow.
const PLACES: [usize; 4] = [3, 36, 53, 55];

/// Recorded by the caller, and made of random bits: the flags that are known.
const KNOWN: u8 = 0b11;

impl Trace {
    /// A trace that begins here, and is recorded.
    pub(crate) fn begin() -> Self {
        Self {
            id: fastrand::u128(1..),
            span: fastrand::u64(1..),
            flags: KNOWN,
        }
    }

    /// The same trace, one hop further.
    pub(crate) fn next(self) -> Self {
        Self {
            span: fastrand::u64(1..),
            ..self
        }
    }

    /// Reads the text form; `None` if it is malformed. Of versions that are not known yet, what this one has is read.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let [id, span, flags, end] = PLACES;
        let is_long_enough = match bytes.get(..2)? {
            b"00" => bytes.len() == end,
            _ => bytes.len() == end || bytes.get(end) == Some(&b'-'),
        };
        let is_split = [id, span, flags]
            .iter()
            .all(|place| bytes.get(place - 1) == Some(&b'-'));
        if !is_long_enough || !is_split || hex(bytes, 0, 2)? == 0xff {
            return None;
        }
        let trace = Self {
            id: hex(bytes, id, span - 1)?,
            span: u64::try_from(hex(bytes, span, flags - 1)?).ok()?,
            flags: u8::try_from(hex(bytes, flags, end)?).ok()? & KNOWN,
        };
        (trace.id != 0 && trace.span != 0).then_some(trace)
    }
}

/// True for the names that a trace travels by.
pub(crate) fn is_part(name: &str) -> bool {
    [PARENT, STATE]
        .iter()
        .any(|own| own.eq_ignore_ascii_case(name))
}

/// The number between two places, in lower case, as the standard wants it.
fn hex(bytes: &[u8], from: usize, to: usize) -> Option<u128> {
    let digits = bytes.get(from..to)?;
    digits.iter().try_fold(0, |number, digit| {
        let digit = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some(number << 4 | u128::from(digit))
    })
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "00-{:032x}-{:016x}-{:02x}",
            self.id, self.span, self.flags
        )
    }
}

/// A call that somebody listens to: its span, and its place in its trace.
#[derive(Debug)]
pub(crate) struct Traced {
    pub(crate) span: Span,
    pub(crate) trace: Trace,
}

#[cfg(test)]
mod tests {
    use super::Trace;

    const SAMPLED: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn what_is_read_is_written_alike() {
        assert_eq!(Trace::read(SAMPLED).unwrap().to_string(), SAMPLED);
    }

    #[test]
    fn the_next_hop_has_the_same_trace_and_flags_and_another_span() {
        let trace = Trace::read(SAMPLED).unwrap();

        let next = trace.next();

        assert_eq!((next.id, next.flags), (trace.id, trace.flags));
        assert_ne!(next.span, trace.span);
    }

    #[test]
    fn of_a_later_version_what_is_known_is_read() {
        let later = SAMPLED.replacen("00", "cc", 1) + "-more";

        assert_eq!(Trace::read(&later), Trace::read(SAMPLED));
    }

    #[test]
    fn malformed_ones_are_refused() {
        let malformed = [
            "",
            "00",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01more",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e47é-00f067aa0ba902b7-01",
        ];

        for text in malformed {
            assert_eq!(Trace::read(text), None, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,70}") {
            let _ = Trace::read(&text);
        }
    }
}
