//! What reads bytes from outside, for the fuzzer. It is not there in any other build.

pub use crate::broker::fuzz::envelope;
pub use crate::registry::fuzz::text as mdns_text;
pub use crate::transport::fuzz::{
    call as frames_client, head as frames_head, serve as frames_server,
};
