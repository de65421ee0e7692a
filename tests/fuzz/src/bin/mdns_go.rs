//! Packets in go-micro's form of mDNS, and the texts in them, as the first byte says: what can be read can be written.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| micro::__fuzz::mdns_go(data));
