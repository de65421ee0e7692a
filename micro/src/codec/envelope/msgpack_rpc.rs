//! msgpack-rpc, a plugin of go-micro: lists of a kind, an id, and what the call is about.

use std::io::Cursor;

use bytes::Bytes;
use serde::de::{Deserialize as _, IgnoredAny};
use serde_json::Value;

use super::{Backend, Call, Envelope, Reply};
use crate::codec::msgpack;
use crate::error::{Error, Result};
use crate::message::ContentType;

const ID: &str = "micro.codec.msgpack_rpc";

/// Kinds of lists.
const REQUEST: u8 = 0;
const RESPONSE: u8 = 1;
const NOTIFICATION: u8 = 2;

const NIL: u8 = 0xc0;
/// The map without entries.
const EMPTY: &[u8] = b"\x80";

#[derive(Debug)]
struct MsgpackRpc;

impl Envelope for MsgpackRpc {
    fn content_types(&self) -> &'static [&'static str] {
        &["application/msgpack-rpc", "application/msgpackrpc"]
    }

    fn inner(&self) -> ContentType {
        ContentType::MSGPACK
    }

    fn open_call(&self, body: &Bytes) -> Result<Call> {
        let parts = parts(body)?;
        let (id, method, params) = match parts.as_slice() {
            [kind, id, method, params] if **kind == [REQUEST] => (id.clone(), method, params),
            [kind, method, params] if **kind == [NOTIFICATION] => (Bytes::new(), method, params),
            _ => return Err(wrong("it is neither a request nor a notification")),
        };
        let endpoint = msgpack::read(method).map_err(|_| wrong("its method is no text"))?;
        let message = match self::parts(params)?.as_slice() {
            [] => Bytes::from_static(EMPTY),
            [message] => message.clone(),
            _ => return Err(wrong("it has more than one parameter")),
        };
        Ok(Call {
            endpoint,
            id,
            message,
        })
    }

    fn seal_reply(&self, call: &Call, outcome: Result<&[u8], &str>, out: &mut Vec<u8>) {
        out.extend_from_slice(&[0x94, RESPONSE]);
        match call.id.is_empty() {
            true => out.push(NIL),
            false => out.extend_from_slice(&call.id),
        }
        match outcome {
            Ok(message) => {
                out.push(NIL);
                out.extend_from_slice(message);
            }
            Err(text) => {
                put(&text, out);
                out.push(NIL);
            }
        }
    }

    fn seal_call(&self, endpoint: &str, number: u64, message: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(&[0x94, REQUEST]);
        // go-micro's readers have 32 bits for it.
        put(&(number & u64::from(u32::MAX)), out);
        put(&endpoint, out);
        out.push(0x91);
        out.extend_from_slice(message);
    }

    fn open_reply(&self, body: &Bytes) -> Result<Reply> {
        let parts = parts(body)?;
        let [kind, _, error, message] = parts.as_slice() else {
            return Err(wrong("it is no response"));
        };
        if **kind != [RESPONSE] {
            return Err(wrong("it is no response"));
        }
        let error = msgpack::read(error).map_err(|_| wrong("its error is no text"))?;
        Ok(match error {
            Value::Null => Reply::Message(match **message == [NIL] {
                true => Bytes::from_static(EMPTY),
                false => message.clone(),
            }),
            Value::String(text) if text.is_empty() => Reply::Failed("unspecified error".to_owned()),
            Value::String(text) => Reply::Failed(text),
            other => Reply::Failed(other.to_string()),
        })
    }
}

fn put<T: serde::Serialize>(value: &T, out: &mut Vec<u8>) {
    // A number and a text always have a form.
    out.extend_from_slice(&rmp_serde::to_vec(value).unwrap_or_default());
}

/// The items of the list that `body` is, of which no form of call has more than four.
fn parts(body: &Bytes) -> Result<Vec<Bytes>> {
    let (count, start) = match **body {
        [short @ 0x90..=0x94, ..] => (short & 0x0f, 1),
        [0xdc, 0, count @ 0..=4, ..] => (count, 3),
        [0xdd, 0, 0, 0, count @ 0..=4, ..] => (count, 5),
        _ => return Err(wrong("it is no list of a call")),
    };
    let rest = body.slice(start..);
    let mut reader = rmp_serde::Deserializer::new(Cursor::new(&*rest));
    reader.set_max_depth(msgpack::DEPTH);
    let mut at = 0;
    let mut parts = Vec::new();
    for _ in 0..count {
        IgnoredAny::deserialize(&mut reader)
            .map_err(|source| wrong(&source.to_string()).with_source(source))?;
        // It stands within bytes that are there.
        let end = usize::try_from(reader.position()).unwrap_or(at);
        parts.push(rest.slice(at..end));
        at = end;
    }
    match at == rest.len() {
        true => Ok(parts),
        false => Err(wrong("there are bytes behind it")),
    }
}

fn wrong(why: &str) -> Error {
    Error::bad_request(ID, format!("the body is no msgpack-rpc: {why}"))
}

inventory::submit! { Backend::new(&MsgpackRpc) }

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::{any, prop_assert_eq, proptest};

    use super::{Call, EMPTY, Envelope, MsgpackRpc, Reply};

    #[test]
    fn an_id_of_any_kind_goes_back_as_it_came() {
        for id in [&b"\x07"[..], b"\xcd\x01\0", b"\xa2a1", b"\xc0"] {
            let body = [b"\x94\0", id, b"\xa3A.B\x91\x80"].concat();

            let call = MsgpackRpc.open_call(&body.into()).unwrap();
            let mut reply = Vec::new();
            MsgpackRpc.seal_reply(&call, Ok(EMPTY), &mut reply);

            assert_eq!(reply, [b"\x94\x01", id, b"\xc0\x80"].concat());
        }
    }

    #[test]
    fn a_call_without_parameters_has_the_empty_message() {
        let call = MsgpackRpc.open_call(&Bytes::from_static(b"\x94\0\x01\xa3A.B\x90"));

        assert_eq!(call.unwrap().message, EMPTY);
    }

    #[test]
    fn a_reply_without_a_message_has_the_empty_one() {
        let reply = MsgpackRpc.open_reply(&Bytes::from_static(b"\x94\x01\x01\xc0\xc0"));

        assert_eq!(reply.unwrap(), Reply::Message(EMPTY.into()));
    }

    #[test]
    fn an_error_that_is_no_text_comes_as_json() {
        let reply = MsgpackRpc.open_reply(&Bytes::from_static(b"\x94\x01\x01\x81\xa1a\x07\xc0"));

        assert_eq!(reply.unwrap(), Reply::Failed(r#"{"a":7}"#.into()));
    }

    #[test]
    fn a_body_that_is_not_whole_is_refused() {
        let mut whole = Vec::new();
        MsgpackRpc.seal_call("A.B", 7, EMPTY, &mut whole);
        let whole = Bytes::from(whole);

        for length in 0..whole.len() {
            assert!(
                MsgpackRpc.open_call(&whole.slice(..length)).is_err(),
                "{length}"
            );
        }
        let more = [&*whole, b"\0"].concat();
        assert!(MsgpackRpc.open_call(&more.into()).is_err());
    }

    #[test]
    fn what_is_nested_too_deep_is_refused() {
        let deep = [b"\x94\0\x01\xa3A.B", &[0x91; 1000][..], b"\xc0"].concat();

        assert!(MsgpackRpc.open_call(&deep.into()).is_err());
    }

    #[test]
    fn a_call_that_could_not_be_opened_is_answered() {
        let mut reply = Vec::new();
        MsgpackRpc.seal_reply(&Call::default(), Err("why"), &mut reply);

        assert_eq!(reply, b"\x94\x01\xc0\xa3why\xc0");
    }

    proptest! {
        #[test]
        fn any_bytes_can_be_opened(body in any::<Vec<u8>>()) {
            let _ = MsgpackRpc.open_call(&Bytes::from(body.clone()));
            // More of these get past the kind.
            let _ = MsgpackRpc.open_call(&Bytes::from([b"\x94\0", &*body].concat()));
            let _ = MsgpackRpc.open_reply(&Bytes::from([b"\x94\x01\x01", &*body].concat()));
        }

        #[test]
        fn what_is_sealed_is_what_is_opened(endpoint in any::<String>(), number in any::<u64>(), text in ".+") {
            let (mut sealed, mut reply) = (Vec::new(), Vec::new());
            MsgpackRpc.seal_call(&endpoint, number, EMPTY, &mut sealed);
            let call = MsgpackRpc.open_call(&sealed.into()).unwrap();
            MsgpackRpc.seal_reply(&call, Err(&text), &mut reply);

            prop_assert_eq!(call.endpoint, endpoint);
            prop_assert_eq!(&*call.message, EMPTY);
            prop_assert_eq!(MsgpackRpc.open_reply(&reply.into()).unwrap(), Reply::Failed(text));
        }
    }
}
