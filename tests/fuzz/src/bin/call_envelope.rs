//! Bodies that hold a call or a reply, as the first byte says in which form: what can be opened is the same after it
//! was sealed.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| micro::__fuzz::call_envelope(data));
