//! What is read by itself: a trace, a limit of time, or a request of reflection, as the first byte says.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Some((which, bytes)) = data.split_first() else {
        return;
    };
    match (which % 3, std::str::from_utf8(bytes)) {
        (0, Ok(text)) => micro::__fuzz::trace(text),
        (1, Ok(text)) => micro::__fuzz::grpc_timeout(text),
        _ => micro::__fuzz::reflect(bytes),
    }
});
