//! Records as they lie in packets of mDNS: what can be read is the same after it was written.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| micro::__fuzz::mdns_text(data));
