//! Bodies of calls that no header names, JSON-RPC 2.0 above all: they are answered in JSON.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| micro::__fuzz::json_rpc(data));
