//! JSON-RPC 1 as go-micro writes it: one parameter, an id of any kind, errors as texts.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Backend, Call, Envelope, Reply};
use crate::error::{Error, Result};
use crate::message::ContentType;

const ID: &str = "micro.codec.json_rpc";

#[derive(Debug)]
struct JsonRpc;

#[derive(Deserialize)]
struct Request<'a> {
    #[serde(default)]
    method: Option<String>,
    /// Exactly one in go-micro; none is the empty message.
    #[serde(borrow, default)]
    params: Option<Vec<&'a RawValue>>,
    /// A number of v0, a text of later ones, `null` of ja-micro.
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Response<'a> {
    #[serde(borrow, default)]
    result: Option<&'a RawValue>,
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
}

impl Envelope for JsonRpc {
    fn content_types(&self) -> &'static [&'static str] {
        &["application/json-rpc"]
    }

    fn bare_types(&self) -> &'static [&'static str] {
        &["application/json"]
    }

    fn inner(&self) -> ContentType {
        ContentType::JSON
    }

    fn open_call(&self, body: &Bytes) -> Result<Call> {
        let request: Request<'_> = read(body)?;
        let first = request.params.as_deref().and_then(<[_]>::first);
        Ok(Call {
            endpoint: request.method.unwrap_or_default(),
            id: request.id.map(|id| part(body, id)).unwrap_or_default(),
            message: first.map_or(Bytes::from_static(b"{}"), |first| part(body, first)),
        })
    }

    fn seal_reply(&self, call: &Call, outcome: Result<&[u8], &str>, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"id\":");
        out.extend_from_slice(if call.id.is_empty() {
            b"null"
        } else {
            &call.id
        });
        out.extend_from_slice(b",\"result\":");
        match outcome {
            Ok(message) => {
                out.extend_from_slice(message);
                out.extend_from_slice(b",\"error\":null}\n");
            }
            Err(text) => {
                out.extend_from_slice(b"{},\"error\":");
                out.extend_from_slice(quoted(text).as_bytes());
                out.extend_from_slice(b"}\n");
            }
        }
    }

    fn seal_call(&self, endpoint: &str, number: u64, message: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"method\":");
        out.extend_from_slice(quoted(endpoint).as_bytes());
        out.extend_from_slice(b",\"params\":[");
        out.extend_from_slice(message);
        out.extend_from_slice(format!("],\"id\":\"{number}\"}}\n").as_bytes());
    }

    fn open_reply(&self, body: &Bytes) -> Result<Reply> {
        let response: Response<'_> = read(body)?;
        match (response.error, response.result) {
            (Some(error), _) => {
                // What is no text is told as the JSON that it is.
                let text = serde_json::from_str::<String>(error.get());
                let text = text.unwrap_or_else(|_| error.get().to_owned());
                Ok(Reply::Failed(match text.is_empty() {
                    true => "unspecified error".to_owned(),
                    false => text,
                }))
            }
            (None, Some(result)) => Ok(Reply::Message(part(body, result))),
            (None, None) => Err(Error::bad_request(
                ID,
                "the reply has neither a result nor an error",
            )),
        }
    }
}

fn read<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T> {
    serde_json::from_slice(body).map_err(|source| {
        Error::bad_request(ID, format!("the body is no JSON-RPC: {source}")).with_source(source)
    })
}

/// The bytes of `value`, which stands in `body`.
fn part(body: &Bytes, value: &RawValue) -> Bytes {
    body.slice_ref(value.get().as_bytes())
}

fn quoted(text: &str) -> String {
    // A text always has a form in JSON.
    serde_json::to_string(text).unwrap_or_default()
}

inventory::submit! { Backend::new(&JsonRpc) }

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::{any, prop_assert_eq, proptest};

    use super::{Call, Envelope, JsonRpc, Reply};

    fn sealed(id: &'static str, outcome: Result<&[u8], &str>) -> String {
        let call = Call {
            id: id.into(),
            ..Call::default()
        };
        let mut out = Vec::new();
        JsonRpc.seal_reply(&call, outcome, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn an_id_of_any_kind_goes_back_as_it_came() {
        for id in [
            "0",
            "\"a\"",
            "null",
            "18446744073709551615",
            "1.50",
            "{\"a\": [1]}",
        ] {
            let text = format!(r#"{{"method":"A.B","params":[{{}}],"id":{id}}}"#);

            let call = JsonRpc.open_call(&text.into()).unwrap();
            let mut reply = Vec::new();
            JsonRpc.seal_reply(&call, Ok(b"{}"), &mut reply);

            let wanted = format!("{{\"id\":{id},\"result\":{{}},\"error\":null}}\n");
            assert_eq!(String::from_utf8(reply).unwrap(), wanted);
        }
    }

    #[test]
    fn the_order_of_keys_does_not_matter_nor_do_keys_of_others() {
        let text = r#"{"params":[{"name":"John"}],"other":1,"id":"0","method":"Greeter.Hello"}"#;

        let call = JsonRpc.open_call(&text.into()).unwrap();

        assert_eq!(&*call.endpoint, "Greeter.Hello");
        assert_eq!(call.message, r#"{"name":"John"}"#);
    }

    #[test]
    fn a_call_without_parameters_has_the_empty_message() {
        for text in [
            r#"{"method":"A.B","params":[]}"#,
            r#"{"method":"A.B","params":null}"#,
            r#"{"method":"A.B"}"#,
        ] {
            assert_eq!(
                JsonRpc.open_call(&text.into()).unwrap().message,
                "{}",
                "{text}"
            );
        }
    }

    #[test]
    fn an_error_is_a_text_and_the_result_then_an_empty_object() {
        assert_eq!(
            sealed("0", Err(r#"{"id":"a"}"#)),
            "{\"id\":0,\"result\":{},\"error\":\"{\\\"id\\\":\\\"a\\\"}\"}\n"
        );
    }

    #[test]
    fn an_error_of_any_kind_is_one() {
        let failed = |text: &'static str| JsonRpc.open_reply(&text.into()).unwrap();

        let object = failed(r#"{"id":0,"error":{"category":400},"result":null}"#);
        assert_eq!(object, Reply::Failed(r#"{"category":400}"#.to_owned()));
        assert_eq!(
            failed(r#"{"error":"EOS","result":{}}"#),
            Reply::Failed("EOS".to_owned())
        );
        assert_eq!(
            failed(r#"{"error":""}"#),
            Reply::Failed("unspecified error".to_owned())
        );
    }

    #[test]
    fn a_reply_with_nothing_in_it_is_none() {
        for text in [
            "{}",
            "",
            "[]",
            "null",
            r#"{"id":0,"result":null,"error":null}"#,
        ] {
            assert!(JsonRpc.open_reply(&text.into()).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_can_be_opened(body in any::<Vec<u8>>()) {
            let body = Bytes::from(body);
            let _ = (JsonRpc.open_call(&body), JsonRpc.open_reply(&body));
        }

        #[test]
        fn any_error_and_any_endpoint_survive(text in ".+", endpoint in any::<String>(), number in any::<u64>()) {
            let (mut call, mut reply) = (Vec::new(), Vec::new());
            JsonRpc.seal_call(&endpoint, number, b"[1]", &mut call);
            let opened = JsonRpc.open_call(&call.into()).unwrap();
            JsonRpc.seal_reply(&opened, Err(&text), &mut reply);

            prop_assert_eq!(opened.endpoint, endpoint);
            prop_assert_eq!(opened.message, "[1]");
            prop_assert_eq!(JsonRpc.open_reply(&reply.into()).unwrap(), Reply::Failed(text));
        }
    }
}
