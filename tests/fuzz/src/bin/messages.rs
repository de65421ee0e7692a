//! Messages of HTTP/1.1, back to back: they are the same in whatever pieces they come, which the first byte says.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| micro::__fuzz::messages(data));
