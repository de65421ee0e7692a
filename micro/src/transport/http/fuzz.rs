//! What the fuzzer drives: whatever comes to the port of a server.

use std::sync::{Arc, PoisonError};

use tokio::io::BufReader;

use super::Calls;
use crate::listener::{Serve, Site};
use crate::peer::Peer;
use crate::tls::Stream;
use crate::transport::Web;
use crate::transport::fuzz::{Moody, Script, limits, run};

/// A server is sent `data`, and speaks HTTP to whoever does.
pub fn serve(data: &[u8]) {
    let (caller, sent) = Script::new(data);
    let is_http2 = data.get(1..).is_some_and(|data| data.starts_with(b"PRI "));
    run(async {
        let site = Site::new(limits());
        let stream = Stream::Secured(Box::new(BufReader::new(caller)), None);
        let calls = Calls::new(Arc::new(Moody), Web::default());
        calls.serve(stream, Peer::new("127.0.0.1:1"), &site).await;
    });
    let sent = sent.lock().unwrap_or_else(PoisonError::into_inner);
    assert!(is_http2 || sent.is_empty() || sent.starts_with(b"HTTP/1."));
}
