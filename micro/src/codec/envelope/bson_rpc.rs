//! bson-rpc, a plugin of go-micro: a document that names the call, then the message.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Backend, Call, Envelope, Reply};
use crate::codec::bson;
use crate::error::{Error, Result};
use crate::message::ContentType;

const ID: &str = "micro.codec.bson_rpc";

/// The document without entries.
const EMPTY: &[u8] = b"\x05\0\0\0\0";

#[derive(Debug)]
struct BsonRpc;

#[derive(Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
struct Header {
    service_method: String,
    /// A number, or a text of later ones.
    seq: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Value>,
}

impl Envelope for BsonRpc {
    fn content_types(&self) -> &'static [&'static str] {
        &["application/bson-rpc", "application/bsonrpc"]
    }

    fn inner(&self) -> ContentType {
        ContentType::new("application/bson")
    }

    fn open_call(&self, body: &Bytes) -> Result<Call> {
        let (header, message) = open(body)?;
        Ok(Call {
            endpoint: header.service_method,
            id: header.seq.to_string().into(),
            message,
        })
    }

    fn seal_reply(&self, call: &Call, outcome: Result<&[u8], &str>, out: &mut Vec<u8>) {
        let header = Header {
            service_method: call.endpoint.clone(),
            seq: serde_json::from_slice(&call.id).unwrap_or_else(|_| 0.into()),
            error: outcome.err().map(Value::from),
        };
        seal(&header, outcome.unwrap_or(EMPTY), out);
    }

    fn seal_call(&self, endpoint: &str, number: u64, message: &[u8], out: &mut Vec<u8>) {
        let header = Header {
            service_method: endpoint.to_owned(),
            // Go writes what is above that as a negative number, too.
            seq: number.cast_signed().into(),
            error: None,
        };
        seal(&header, message, out);
    }

    fn open_reply(&self, body: &Bytes) -> Result<Reply> {
        let (header, message) = open(body)?;
        Ok(match header.error {
            None | Some(Value::Null) => Reply::Message(message),
            Some(Value::String(text)) if text.is_empty() => Reply::Message(message),
            Some(Value::String(text)) => Reply::Failed(text),
            Some(other) => Reply::Failed(other.to_string()),
        })
    }
}

fn seal(header: &Header, message: &[u8], out: &mut Vec<u8>) {
    // Of a text that is no key, and of numbers that were read, there is always a form.
    if let Ok(header) = bson::write(header) {
        out.extend_from_slice(header.as_bytes());
    }
    out.extend_from_slice(message);
}

fn open(body: &Bytes) -> Result<(Header, Bytes)> {
    let size = body
        .first_chunk()
        .and_then(|size| usize::try_from(u32::from_le_bytes(*size)).ok());
    let Some(size) = size.filter(|size| *size <= body.len()) else {
        let detail = "the body is no bson-rpc: it is shorter than it says";
        return Err(Error::bad_request(ID, detail));
    };
    let header = bson::read(&body[..size])?;
    let message = match body.slice(size..) {
        rest if rest.is_empty() => Bytes::from_static(EMPTY),
        rest => rest,
    };
    Ok((header, message))
}

inventory::submit! { Backend::new(&BsonRpc) }

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::{any, prop_assert_eq, proptest};

    use super::{BsonRpc, Call, EMPTY, Envelope, Reply};

    /// The reply to a call with this `Seq`.
    fn answered(seq: &[u8]) -> Vec<u8> {
        let size = u8::try_from(seq.len() + 5).unwrap();
        let body = [&[size, 0, 0, 0], seq, b"\0"].concat();
        let call = BsonRpc.open_call(&body.into()).unwrap();
        let mut reply = Vec::new();
        BsonRpc.seal_reply(&call, Ok(EMPTY), &mut reply);
        reply
    }

    #[test]
    fn an_id_goes_back_as_it_came() {
        for seq in [
            &b"\x12Seq\0\xff\xff\xff\xff\xff\xff\xff\xff"[..],
            b"\x12Seq\0\x07\0\0\0\0\0\0\0",
            b"\x05Seq\0\x02\0\0\0\0a1",
        ] {
            let reply = answered(seq);

            assert!(
                reply.windows(seq.len()).any(|part| part == seq),
                "{reply:x?}"
            );
        }
    }

    #[test]
    fn a_call_without_a_message_has_the_empty_one() {
        let call = BsonRpc.open_call(&Bytes::from_static(EMPTY)).unwrap();

        assert_eq!((&*call.endpoint, &*call.message), ("", EMPTY));
    }

    #[test]
    fn an_error_of_no_text_is_none() {
        let body = b"\x11\0\0\0\x02Error\0\x01\0\0\0\0\0\x05\0\0\0\0";

        let reply = BsonRpc.open_reply(&Bytes::from_static(body)).unwrap();

        assert_eq!(reply, Reply::Message(EMPTY.into()));
    }

    #[test]
    fn a_header_that_is_shorter_than_it_says_is_refused() {
        for body in [&b""[..], b"\x05\0\0", b"\xff\xff\xff\xff\0", b"\0\0\0\0\0"] {
            assert!(BsonRpc.open_call(&Bytes::copy_from_slice(body)).is_err());
        }
    }

    #[test]
    fn a_call_that_could_not_be_opened_is_answered() {
        let mut reply = Vec::new();
        BsonRpc.seal_reply(&Call::default(), Err("why"), &mut reply);

        assert_eq!(
            BsonRpc.open_reply(&reply.into()).unwrap(),
            Reply::Failed("why".into())
        );
    }

    proptest! {
        #[test]
        fn any_bytes_can_be_opened(body in any::<Vec<u8>>()) {
            let _ = BsonRpc.open_call(&Bytes::from(body.clone()));
            // More of these get past the length.
            let size = u32::try_from(body.len() + 5).unwrap().to_le_bytes();
            let framed = [&size[..], &body, b"\0"].concat();
            let _ = BsonRpc.open_reply(&Bytes::from(framed));
        }

        #[test]
        fn what_is_sealed_is_what_is_opened(endpoint in any::<String>(), number in any::<u64>(), text in ".+") {
            let (mut sealed, mut reply) = (Vec::new(), Vec::new());
            BsonRpc.seal_call(&endpoint, number, EMPTY, &mut sealed);
            let call = BsonRpc.open_call(&sealed.into()).unwrap();
            BsonRpc.seal_reply(&call, Err(&text), &mut reply);

            prop_assert_eq!(call.endpoint, endpoint);
            prop_assert_eq!(&*call.message, EMPTY);
            prop_assert_eq!(BsonRpc.open_reply(&reply.into()).unwrap(), Reply::Failed(text));
        }
    }
}
