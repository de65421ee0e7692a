//! What the fuzzer drives: whatever comes to the port of a server.

use std::sync::{Arc, PoisonError};

use serde::de::IgnoredAny;
use tokio::io::BufReader;

use super::{Calls, json_rpc};
use crate::listener::{Serve, Site};
use crate::peer::Peer;
use crate::tls::Stream;
use crate::transport::Web;
use crate::transport::fuzz::{Moody, Script, limits, run};

/// A server is sent `data`, and speaks HTTP to whoever does.
pub fn serve(data: &[u8]) {
    let sent = answered(data);
    let is_http2 = data.get(1..).is_some_and(|data| data.starts_with(b"PRI "));
    assert!(is_http2 || sent.is_empty() || sent.starts_with(b"HTTP/1."));
}

/// The body of a call without any header that names it: JSON-RPC 2.0 is answered in JSON.
pub fn bare(body: &[u8]) {
    let head = format!(
        "\u{7f}POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let sent = answered(&[head.as_bytes(), body].concat());
    if !json_rpc::is_meant(body) {
        return;
    }
    let shown = String::from_utf8_lossy(&sent);
    assert!(shown.starts_with("HTTP/1.1 20"), "{shown}");
    let end = sent.windows(4).position(|four| four == b"\r\n\r\n");
    let reply = &sent[end.map_or(sent.len(), |end| end + 4)..];
    let mut reply = serde_json::Deserializer::from_slice(reply).into_iter();
    assert!(reply.all(|one: Result<IgnoredAny, _>| one.is_ok()));
}

/// What a server sends to whoever sends it `data`.
fn answered(data: &[u8]) -> Vec<u8> {
    let (caller, sent) = Script::new(data);
    run(async {
        let site = Site::new(limits());
        let stream = Stream::Secured(Box::new(BufReader::new(caller)), None);
        // A caller that leaves bytes behind is not noticed before the reply: the HTTP library looks no further.
        let accept = Arc::new(Moody { waits: Some(1000) });
        let calls = Calls::new(accept, Web::default());
        calls.serve(stream, Peer::new("127.0.0.1:1"), &site).await;
    });
    let mut sent = sent.lock().unwrap_or_else(PoisonError::into_inner);
    std::mem::take(&mut sent)
}
