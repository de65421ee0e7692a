//! What reads bytes from outside, for the fuzzer. It is not there in any other build.

use crate::trace::Trace;

pub use crate::broker::fuzz::envelope;
pub use crate::codec::envelope::fuzz::open as call_envelope;
pub use crate::http::fuzz::messages;
pub use crate::registry::fuzz::text as mdns_text;
#[cfg(feature = "mdns-go")]
pub use crate::registry::fuzz_go::read as mdns_go;
pub use crate::server::fuzz::reflect;
pub use crate::transport::fuzz::{
    bare as json_rpc, call as frames_client, head as frames_head, serve as frames_server,
    serve_http as http_server, timeout as grpc_timeout,
};

/// A trace that can be read is the same after it was written.
pub fn trace(text: &str) {
    if let Some(trace) = Trace::read(text) {
        assert_eq!(Trace::read(&trace.to_string()), Some(trace));
    }
}
