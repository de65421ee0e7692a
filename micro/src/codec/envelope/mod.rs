//! Bodies that hold a message and what else of a call older peers know no header for.
//!
//! [`Envelope`] is the seam; each form is one file beside this one. Opened and sealed by transports; the codec of the
//! message inside never sees it.

#[cfg(feature = "codec-bson")]
mod bson_rpc;
#[cfg(fuzzing)]
pub(crate) mod fuzz;
mod json_rpc;
#[cfg(feature = "codec-msgpack")]
mod msgpack_rpc;
mod proto_rpc;

use std::fmt::Debug;

use bytes::Bytes;
use serde::Deserialize;

use crate::error::{Error, Result};
use crate::message::ContentType;

/// A form of body that names the endpoint called, and tells a message from an error.
///
/// It says nothing of how messages are written: what is inside is of the content type [`inner`](Self::inner).
///
/// ```
/// use bytes::Bytes;
/// use micro::codec::envelope::{Backend, Call, Envelope, Reply};
/// use micro::message::ContentType;
/// use micro::{Error, Result};
///
/// /// `Greeter.Hello 7 {"name":"John"}`, answered by `ok 7 {…}` or `no 7 why`.
/// #[derive(Debug)]
/// struct Words;
///
/// fn cut(body: &Bytes) -> Result<(&str, &str, Bytes)> {
///     let text = std::str::from_utf8(body).ok();
///     let mut words = text.into_iter().flat_map(|text| text.splitn(3, ' '));
///     match (words.next(), words.next(), words.next()) {
///         (Some(first), Some(id), Some(rest)) => Ok((first, id, body.slice_ref(rest.as_bytes()))),
///         _ => Err(Error::bad_request("words", "expected three words")),
///     }
/// }
///
/// impl Envelope for Words {
///     fn content_types(&self) -> &'static [&'static str] {
///         &["application/words"]
///     }
///
///     fn inner(&self) -> ContentType {
///         ContentType::JSON
///     }
///
///     fn open_call(&self, body: &Bytes) -> Result<Call> {
///         let (endpoint, id, message) = cut(body)?;
///         Ok(Call { endpoint: endpoint.to_owned(), id: Bytes::copy_from_slice(id.as_bytes()), message })
///     }
///
///     fn seal_reply(&self, call: &Call, outcome: Result<&[u8], &str>, out: &mut Vec<u8>) {
///         let (word, rest) = outcome.map_or_else(|why| ("no", why.as_bytes()), |message| ("ok", message));
///         for part in [word.as_bytes(), b" ", &call.id, b" ", rest] {
///             out.extend_from_slice(part);
///         }
///     }
///
///     fn seal_call(&self, endpoint: &str, number: u64, message: &[u8], out: &mut Vec<u8>) {
///         out.extend_from_slice(format!("{endpoint} {number} ").as_bytes());
///         out.extend_from_slice(message);
///     }
///
///     fn open_reply(&self, body: &Bytes) -> Result<Reply> {
///         let (word, _, rest) = cut(body)?;
///         Ok(match word {
///             "ok" => Reply::Message(rest),
///             _ => Reply::Failed(String::from_utf8_lossy(&rest).into_owned()),
///         })
///     }
/// }
///
/// inventory::submit! { Backend::new(&Words) }
/// ```
pub trait Envelope: Debug + Send + Sync {
    /// The content types of bodies in this form, in lower case and without parameters; calls to older nodes are sent
    /// as the first.
    fn content_types(&self) -> &'static [&'static str];

    /// Content types that mean this form only if no header names the endpoint, as go-micro v0 uses `application/json`.
    /// None by default.
    fn bare_types(&self) -> &'static [&'static str] {
        &[]
    }

    /// How the message inside is written.
    fn inner(&self) -> ContentType;

    /// Opens the body of a call.
    ///
    /// # Behavior
    ///
    /// - A call that names no endpoint has an empty one.
    /// - No bytes make it panic, or allocate more than a multiple of their length.
    ///
    /// # Errors
    ///
    /// `bad_request` if the bytes are not in this form.
    fn open_call(&self, body: &Bytes) -> Result<Call>;

    /// Appends to `out` the body of the reply to `call`: a message, or the text of an error. Of a call that could not be
    /// opened all parts are empty.
    fn seal_reply(&self, call: &Call, outcome: Result<&[u8], &str>, out: &mut Vec<u8>);

    /// Appends to `out` the body of a call of `endpoint`, which the caller has given a number.
    fn seal_call(&self, endpoint: &str, number: u64, message: &[u8], out: &mut Vec<u8>);

    /// Opens the body of a reply.
    ///
    /// # Behavior
    ///
    /// - An error that is no text comes as the JSON that it is.
    /// - No bytes make it panic, or allocate more than a multiple of their length.
    ///
    /// # Errors
    ///
    /// `bad_request` if the bytes are not in this form.
    fn open_reply(&self, body: &Bytes) -> Result<Reply>;
}

/// A call as its envelope has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Call {
    /// The endpoint named, such as `Greeter.Hello`.
    pub endpoint: String,
    /// What the caller tells its calls apart by, as it stood there: it goes back with the reply.
    pub id: Bytes,
    /// The message inside.
    pub message: Bytes,
}

/// A reply as its envelope has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// The message inside.
    Message(Bytes),
    /// The text of an error, which is not empty.
    Failed(String),
}

/// An envelope that is found by its content types, wherever it was linked in.
///
/// To be announced by `inventory::submit!`.
#[derive(Debug)]
pub struct Backend(&'static dyn Envelope);

impl Backend {
    /// Announces `envelope`.
    pub const fn new(envelope: &'static dyn Envelope) -> Self {
        Self(envelope)
    }
}

inventory::collect!(Backend);

fn all() -> impl Iterator<Item = &'static dyn Envelope> {
    inventory::iter::<Backend>
        .into_iter()
        .map(|backend| backend.0)
}

/// The envelope that bodies of `content_type` have; of a `bare` call no header names the endpoint.
pub(crate) fn find(content_type: &ContentType, bare: bool) -> Option<&'static dyn Envelope> {
    let name = content_type.as_str();
    all().find(|envelope| {
        envelope.content_types().contains(&name) || (bare && envelope.bare_types().contains(&name))
    })
}

/// The envelope in which older nodes take messages of this content type.
pub(crate) fn around(message: &ContentType) -> Option<&'static dyn Envelope> {
    all().find(|envelope| envelope.inner() == *message)
}

/// The envelope that a reply is `wanted` in, and so its call goes in, if that is one for this `message`.
pub(crate) fn told(
    wanted: Option<&ContentType>,
    message: &ContentType,
) -> Option<&'static dyn Envelope> {
    find(wanted?, false).filter(|envelope| envelope.inner() == *message)
}

/// The error that `text` is at the far end of a call: go-micro's object, ja-micro's, or bare words.
pub(crate) fn failure(text: &str) -> Error {
    /// What Java services of older fleets say in place of `code` and `detail`.
    #[derive(Deserialize)]
    struct Categorised {
        category: u16,
        message: Option<String>,
        source: Option<String>,
    }
    match serde_json::from_str::<Categorised>(text) {
        Ok(theirs) => Error::new(
            theirs.category,
            theirs.source.unwrap_or_default(),
            theirs.message.unwrap_or_default(),
        )
        .downstream(),
        Err(_) => Error::from_wire(text),
    }
}

#[cfg(test)]
mod tests {
    use super::{around, failure, find};
    use crate::message::ContentType;

    #[test]
    fn a_bare_type_has_an_envelope_only_where_no_header_names_the_endpoint() {
        let names = |bare| {
            [
                "application/json",
                "application/protobuf",
                "application/octet-stream",
            ]
            .map(|name| find(&ContentType::new(name), bare).map(|found| found.content_types()[0]))
        };

        let proto = Some("application/proto-rpc");
        assert_eq!(names(true), [Some("application/json-rpc"), proto, proto]);
        assert_eq!(names(false), [None; 3]);
    }

    #[test]
    fn a_type_of_its_own_always_has_its_envelope() {
        for name in ["application/json-rpc", "application/proto-rpc"] {
            let found = find(&ContentType::new(name), false);

            assert_eq!(found.map(|own| own.content_types()[0]), Some(name));
        }
    }

    #[test]
    fn messages_for_older_nodes_go_in_the_envelope_of_their_type() {
        let name = |inner| around(&inner).map(|found| found.content_types()[0]);

        assert_eq!(name(ContentType::JSON), Some("application/json-rpc"));
        assert_eq!(name(ContentType::PROTOBUF), Some("application/proto-rpc"));
        assert_eq!(name(ContentType::new("application/xml")), None);
    }

    #[test]
    fn an_error_of_ja_micro_keeps_its_category_and_its_message() {
        let error = failure(
            r#"{"category":400,"message":"boom","source":null,"code":null,"data":null,"retriable":false}"#,
        );

        assert_eq!((error.code(), error.detail()), (400, "boom"));
        assert!(error.is_downstream());
    }

    #[test]
    fn an_error_that_is_no_json_is_a_500() {
        let error = failure("rpc: can't find service Nope.Hello");

        assert_eq!(
            (error.code(), error.detail()),
            (500, "rpc: can't find service Nope.Hello")
        );
    }
}
