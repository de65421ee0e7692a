//! Envelopes of the HTTP broker: what can be read is the same after it was written.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| micro::__fuzz::envelope(data));
