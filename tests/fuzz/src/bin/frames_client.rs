//! The connection of a client, in the bytes that a server may send; the first says in what pieces they come.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| micro::__fuzz::frames_client(data));
