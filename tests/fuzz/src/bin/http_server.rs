//! The port of a server, in the bytes that anybody may send; the first says in what pieces they come.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| micro::__fuzz::http_server(data));
