//! proto-rpc: a protobuf envelope, then the message, each behind its length.

use bytes::{Buf as _, BufMut as _, Bytes};
use prost::encoding::DecodeContext;
use prost::encoding::{WireType, decode_key, decode_varint, encode_varint, skip_field};

use super::{Backend, Call, Envelope, Reply};
use crate::error::{Error, Result};
use crate::message::ContentType;

const ID: &str = "micro.codec.proto_rpc";

/// `service_method`, `seq` and `error`, as keys of fields.
const METHOD: u8 = 1 << 3 | WireType::LengthDelimited as u8;
const SEQ: u8 = 2 << 3 | WireType::SixtyFourBit as u8;
const ERROR: u8 = 3 << 3 | WireType::LengthDelimited as u8;

#[derive(Debug)]
struct ProtoRpc;

/// What the envelope says; what it leaves out is zero.
#[derive(Default)]
struct Opened {
    method: String,
    seq: u64,
    error: String,
    message: Bytes,
}

impl Envelope for ProtoRpc {
    fn content_types(&self) -> &'static [&'static str] {
        &["application/proto-rpc"]
    }

    fn bare_types(&self) -> &'static [&'static str] {
        &["application/octet-stream", "application/protobuf"]
    }

    fn inner(&self) -> ContentType {
        ContentType::PROTOBUF
    }

    fn open_call(&self, body: &Bytes) -> Result<Call> {
        let opened = open(body)?;
        Ok(Call {
            endpoint: opened.method,
            id: Bytes::copy_from_slice(&opened.seq.to_le_bytes()),
            message: opened.message,
        })
    }

    fn seal_reply(&self, call: &Call, outcome: Result<&[u8], &str>, out: &mut Vec<u8>) {
        let seq = call.id.as_ref().try_into().map_or(0, u64::from_le_bytes);
        let error = outcome.err().unwrap_or_default();
        seal(
            &call.endpoint,
            seq,
            Some(error),
            outcome.unwrap_or_default(),
            out,
        );
    }

    fn seal_call(&self, endpoint: &str, number: u64, message: &[u8], out: &mut Vec<u8>) {
        seal(endpoint, number, None, message, out);
    }

    fn open_reply(&self, body: &Bytes) -> Result<Reply> {
        let opened = open(body)?;
        Ok(match opened.error.is_empty() {
            true => Reply::Message(opened.message),
            false => Reply::Failed(opened.error),
        })
    }
}

/// Writes zeros, too, as proto2 does: readers of both kinds take them.
fn seal(method: &str, seq: u64, error: Option<&str>, message: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    out.put_u32(0);
    let text = |key: u8, text: &str, out: &mut Vec<u8>| {
        out.push(key);
        encode_varint(text.len() as u64, out);
        out.extend_from_slice(text.as_bytes());
    };
    text(METHOD, method, out);
    out.push(SEQ);
    out.put_u64_le(seq);
    if let Some(error) = error {
        text(ERROR, error, out);
    }
    let envelope = length(out.len() - start - 4);
    out[start..start + 4].copy_from_slice(&envelope);
    out.extend_from_slice(&length(message.len()));
    out.extend_from_slice(message);
}

/// Messages are bounded far below what this can say.
fn length(length: usize) -> [u8; 4] {
    u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes()
}

fn open(body: &Bytes) -> Result<Opened> {
    let mut rest = body.clone();
    let envelope = part(&mut rest)?;
    let message = part(&mut rest)?;
    let mut opened = read(envelope).ok_or_else(|| wrong("its envelope is no protobuf"))?;
    opened.message = message;
    Ok(opened)
}

/// The next part of `rest`, behind its length.
fn part(rest: &mut Bytes) -> Result<Bytes> {
    let size = rest
        .try_get_u32()
        .ok()
        .and_then(|size| usize::try_from(size).ok());
    match size {
        Some(size) if size <= rest.len() => Ok(rest.split_to(size)),
        // go-micro reads on with zeros in place of what is missing; no sender means that.
        _ => Err(wrong("it is shorter than it says")),
    }
}

fn read(mut envelope: Bytes) -> Option<Opened> {
    let mut opened = Opened::default();
    while envelope.has_remaining() {
        let (tag, wire) = decode_key(&mut envelope).ok()?;
        match (tag, wire) {
            (1, WireType::LengthDelimited) => opened.method = text(&mut envelope)?,
            (2, WireType::SixtyFourBit) => opened.seq = envelope.try_get_u64_le().ok()?,
            (3, WireType::LengthDelimited) => opened.error = text(&mut envelope)?,
            _ => skip_field(wire, tag, &mut envelope, DecodeContext::default()).ok()?,
        }
    }
    Some(opened)
}

fn text(envelope: &mut Bytes) -> Option<String> {
    let size = usize::try_from(decode_varint(envelope).ok()?).ok()?;
    if size > envelope.len() {
        return None;
    }
    Some(String::from_utf8_lossy(&envelope.split_to(size)).into_owned())
}

fn wrong(why: &str) -> Error {
    Error::bad_request(ID, format!("the body is no proto-rpc: {why}"))
}

inventory::submit! { Backend::new(&ProtoRpc) }

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::{any, prop_assert_eq, proptest};

    use super::{Envelope, ProtoRpc, Reply};

    #[test]
    fn an_envelope_of_no_bytes_is_a_reply_without_an_error() {
        let reply = ProtoRpc.open_reply(&Bytes::from_static(b"\0\0\0\0\0\0\0\x02hi"));

        assert_eq!(reply.unwrap(), Reply::Message("hi".into()));
    }

    #[test]
    fn an_error_of_no_bytes_is_none() {
        let reply = ProtoRpc.open_reply(&Bytes::from_static(b"\0\0\0\x02\x1a\0\0\0\0\0"));

        assert_eq!(reply.unwrap(), Reply::Message(Bytes::new()));
    }

    #[test]
    fn fields_that_others_add_are_passed_over() {
        let body = b"\0\0\0\x0e\x20\x07\x0a\x03A.B\x2a\x01x\x32\x02yz\0\0\0\0";

        assert_eq!(
            ProtoRpc
                .open_call(&Bytes::from_static(body))
                .unwrap()
                .endpoint,
            "A.B"
        );
    }

    #[test]
    fn a_body_that_is_shorter_than_it_says_is_refused() {
        let mut whole = Vec::new();
        ProtoRpc.seal_call("A.B", 7, b"hi", &mut whole);
        let whole = Bytes::from(whole);

        for length in 0..whole.len() {
            assert!(
                ProtoRpc.open_call(&whole.slice(..length)).is_err(),
                "{length}"
            );
        }
        assert!(ProtoRpc.open_call(&whole).is_ok());
    }

    #[test]
    fn a_length_that_nobody_has_is_refused() {
        let huge = Bytes::from_static(b"\xff\xff\xff\xff\x0a");
        let inside = Bytes::from_static(b"\0\0\0\x06\x0a\xff\xff\xff\xff\x0f\0\0\0\0");

        assert!(ProtoRpc.open_call(&huge).is_err());
        assert!(ProtoRpc.open_call(&inside).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_can_be_opened(body in any::<Vec<u8>>(), start in 0..32_u8) {
            let _ = ProtoRpc.open_call(&Bytes::from(body.clone()));
            // More of these get past the length.
            let framed = [vec![0, 0, 0, start], body].concat();
            let _ = ProtoRpc.open_reply(&Bytes::from(framed));
        }

        #[test]
        fn what_is_sealed_is_what_is_opened(endpoint in any::<String>(), number in any::<u64>(), message in any::<Vec<u8>>(), text in any::<String>()) {
            let (mut sealed, mut reply) = (Vec::new(), Vec::new());
            ProtoRpc.seal_call(&endpoint, number, &message, &mut sealed);
            let call = ProtoRpc.open_call(&sealed.into()).unwrap();
            ProtoRpc.seal_reply(&call, Err(&text), &mut reply);

            let wanted = match text.is_empty() {
                true => Reply::Message(Bytes::new()),
                false => Reply::Failed(text),
            };
            prop_assert_eq!(call.endpoint, endpoint);
            prop_assert_eq!(&*call.id, &number.to_le_bytes()[..]);
            prop_assert_eq!(&*call.message, &message[..]);
            prop_assert_eq!(ProtoRpc.open_reply(&reply.into()).unwrap(), wanted);
        }
    }
}
