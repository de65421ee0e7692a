//! What the fuzzer drives: envelopes, however they are linked in.

use bytes::Bytes;

use super::{Envelope, Reply, all, failure};

/// What an envelope holds is the same after it was sealed; the first byte says which.
pub fn open(data: &[u8]) {
    let Some((first, body)) = data.split_first() else {
        return;
    };
    let envelopes: Vec<&dyn Envelope> = all().collect();
    let envelope = envelopes[usize::from(*first) % envelopes.len()];
    let body = Bytes::copy_from_slice(body);
    if let Ok(call) = envelope.open_call(&body) {
        let (mut sealed, mut reply) = (Vec::new(), Vec::new());
        envelope.seal_call(&call.endpoint, 7, &call.message, &mut sealed);
        envelope.seal_reply(&call, Ok(&call.message), &mut reply);
        let again = envelope.open_call(&sealed.into());
        let again =
            again.unwrap_or_else(|why| panic!("a call that was sealed cannot be opened: {why}"));
        assert_eq!(
            (again.endpoint, again.message),
            (call.endpoint, call.message.clone())
        );
        // JSON has a null that is no result.
        if call.message != "null" {
            same(envelope, reply, &Reply::Message(call.message));
        }
    }
    if let Ok(Reply::Failed(text)) = envelope.open_reply(&body) {
        let _ = failure(&text);
        let mut reply = Vec::new();
        envelope.seal_reply(&Default::default(), Err(&text), &mut reply);
        same(envelope, reply, &Reply::Failed(text));
    }
}

fn same(envelope: &dyn Envelope, sealed: Vec<u8>, wanted: &Reply) {
    match envelope.open_reply(&sealed.into()) {
        Ok(reply) => assert_eq!(reply, *wanted),
        Err(why) => panic!("a reply that was sealed cannot be opened: {why}"),
    }
}
