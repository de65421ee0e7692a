//! Heads as HTTP headers.

use std::fmt::{Display, Write as _};

use bytes::BytesMut;
use hyper::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};

use super::ID as SPEAKER;
use crate::error::{Error, Result};
use crate::message::ContentType;
use crate::wire::{Header, Name, Value};

pub(super) const ID: HeaderName = HeaderName::from_static(Header::Id.name());
pub(super) const ERROR: HeaderName = HeaderName::from_static(Header::Error.name());
pub(super) const ERROR_TWIN: HeaderName = HeaderName::from_static(Header::ErrorTwin.name());
pub(super) const REACHED: HeaderName = HeaderName::from_static(Header::Reached.name());
/// In replies: this port takes frames, too.
pub(super) const FRAMES: HeaderName = HeaderName::from_static("micro-frames");
pub(super) const TIMEOUT: HeaderName = HeaderName::from_static(Header::Timeout.name());
const SERVICE: HeaderName = HeaderName::from_static(Header::Service.name());
const SERVICE_TWIN: HeaderName = HeaderName::from_static(Header::ServiceTwin.name());
const ENDPOINT: HeaderName = HeaderName::from_static(Header::Endpoint.name());
const ENDPOINT_TWIN: HeaderName = HeaderName::from_static(Header::EndpointTwin.name());
const METHOD: HeaderName = HeaderName::from_static(Header::Method.name());
const METHOD_TWIN: HeaderName = HeaderName::from_static(Header::MethodTwin.name());

/// What names the endpoint of a call.
pub(super) const NAMES_OF_ENDPOINTS: [HeaderName; 4] =
    [ENDPOINT, ENDPOINT_TWIN, METHOD, METHOD_TWIN];

/// What names the service of a call.
pub(super) const NAMES_OF_SERVICES: [HeaderName; 2] = [SERVICE, SERVICE_TWIN];
/// In calls: the form of go-micro v1 and later, whatever else is named.
pub(super) const PROTOCOL: [HeaderName; 2] = twins("micro-protocol", "x-micro-protocol");
/// In calls: the form of older ones, whatever else is named.
pub(super) const TARGET: [HeaderName; 2] = twins("micro-target", "x-micro-target");
/// In messages of a stream: which one, among those that its connection carries.
pub(super) const STREAM: [HeaderName; 2] = twins("micro-stream", "x-micro-stream");
/// In messages that are published.
pub(super) const TOPIC: [HeaderName; 2] = twins("micro-topic", "x-micro-topic");
/// In the first message of a stream of ours: a word is wanted when the handler has accepted it, and is this.
pub(super) const OPENED: HeaderName = HeaderName::from_static("micro-opened");

const fn twins(plain: &'static str, twin: &'static str) -> [HeaderName; 2] {
    [
        HeaderName::from_static(plain),
        HeaderName::from_static(twin),
    ]
}

/// Adds `pairs` to `headers`; values are changed where HTTP cannot write them.
///
/// # Errors
///
/// `bad_request` if a name of metadata is not one that HTTP can write, 431 if the head grows over `limit`
/// bytes.
pub(super) fn write<'a>(
    headers: &mut HeaderMap,
    pairs: impl Iterator<Item = (Name<'a>, Value<'a>)>,
    limit: usize,
) -> Result<()> {
    let mut values = Values::default();
    let mut size = 0;
    for (name, value) in pairs {
        let name = match name {
            Name::Head(header) => known(header),
            Name::Metadata(text) => custom(text)?,
        };
        let value = match value {
            Value::Text(text) if name == CONTENT_TYPE || name == ACCEPT => {
                values.content_type(text)
            }
            value => values.value(value),
        };
        size += name.as_str().len() + value.len() + ": \r\n".len();
        if size > limit || headers.try_insert(name, value).is_err() {
            return Err(too_large(limit));
        }
    }
    Ok(())
}

/// The text of the error in `headers`, if there is one.
pub(super) fn error(headers: &HeaderMap) -> Option<String> {
    let found = [ERROR, ERROR_TWIN].iter().find_map(|name| {
        headers
            .get(name)
            .filter(|value| !HeaderValue::is_empty(value))
    })?;
    Some(String::from_utf8_lossy(found.as_bytes()).into_owned())
}

/// The value for a content type, without an allocation for those that are always there.
pub(super) fn content_type(content_type: &ContentType) -> HeaderValue {
    Values::default().content_type(content_type.as_str())
}

/// The value for any text: control characters become spaces, so that no value can end its line.
pub(super) fn value(text: impl Display) -> HeaderValue {
    Values::default().value(text)
}

fn custom(name: &str) -> Result<HeaderName> {
    HeaderName::from_bytes(name.as_bytes()).map_err(|_| {
        Error::bad_request(
            SPEAKER,
            format!(
                "the metadata key {name:?} is no header name: use letters, digits and dashes for what crosses HTTP"
            ),
        )
    })
}

fn too_large(limit: usize) -> Error {
    let code = 431;
    let detail = format!(
        "the metadata is over the limit of {limit} bytes for a head: send less, or raise `Limits::head` at both ends"
    );
    Error::new(code, SPEAKER, detail)
}

fn known(header: Header) -> HeaderName {
    match header {
        Header::Service => SERVICE,
        Header::ServiceTwin => SERVICE_TWIN,
        Header::Endpoint => ENDPOINT,
        Header::EndpointTwin => ENDPOINT_TWIN,
        Header::Method => METHOD,
        Header::MethodTwin => METHOD_TWIN,
        Header::Id => ID,
        Header::Timeout => TIMEOUT,
        Header::ContentType => CONTENT_TYPE,
        Header::Accept => ACCEPT,
        Header::Error => ERROR,
        Header::ErrorTwin => ERROR_TWIN,
        Header::Reached => REACHED,
    }
}

/// Values that share one buffer, so that a header costs no allocation of its own.
#[derive(Default)]
struct Values(BytesMut);

impl Values {
    /// Room for the values of a usual head.
    const USUAL: usize = 256;

    fn value(&mut self, value: impl Display) -> HeaderValue {
        if self.0.capacity() == 0 {
            self.0.reserve(Self::USUAL);
        }
        // Writing to the buffer does not fail: it grows.
        let _ = write!(self.0, "{value}");
        let mut text = self.0.split();
        for byte in text.iter_mut().filter(|byte| byte.is_ascii_control()) {
            *byte = b' ';
        }
        // Nothing else is refused in a value.
        HeaderValue::from_maybe_shared(text.freeze())
            .unwrap_or_else(|_| HeaderValue::from_static(""))
    }

    fn content_type(&mut self, name: &str) -> HeaderValue {
        match name {
            "application/json" => HeaderValue::from_static("application/json"),
            "application/msgpack" => HeaderValue::from_static("application/msgpack"),
            "application/protobuf" => HeaderValue::from_static("application/protobuf"),
            other => self.value(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use hyper::HeaderMap;
    use proptest::prelude::{any, prop_assert, proptest};

    use super::{Header, known, value, write};
    use crate::http::pairs;
    use crate::message::Request;
    use crate::wire::{read_request, request_pairs};

    #[test]
    fn every_header_has_its_http_name() {
        for header in Header::ALL {
            assert_eq!(known(*header).as_str(), header.name());
        }
    }

    #[test]
    fn a_value_cannot_end_its_line() {
        assert_eq!(value("a\r\nMicro-Error: b\0\x7f"), "a  Micro-Error: b  ");
    }

    #[test]
    fn a_metadata_key_that_is_no_header_name_is_named_in_the_error() {
        let mut request = Request::new("greeter", "Greeter.Hello");
        request.metadata.set("x user\r\n", "42");

        let error = write(
            &mut HeaderMap::new(),
            request_pairs(&request, 0, None),
            1 << 16,
        )
        .unwrap_err();

        assert_eq!(error.code(), 400);
        assert!(error.detail().contains(r#""x user\r\n""#), "{error}");
    }

    #[test]
    fn metadata_over_the_limit_of_a_head_is_not_sent() {
        let mut request = Request::new("greeter", "Greeter.Hello");
        request.metadata.set("x-long", &"a".repeat(1 << 16));

        let error = write(
            &mut HeaderMap::new(),
            request_pairs(&request, 0, None),
            1 << 16,
        )
        .unwrap_err();

        assert_eq!(error.code(), 431);
    }

    proptest! {
        #[test]
        fn any_call_can_be_written_and_read_again(service in any::<String>(), endpoint in any::<String>(), user in any::<String>()) {
            let mut request = Request::new(service, endpoint);
            request.metadata.set("x-user", &user);
            let mut headers = HeaderMap::new();

            write(&mut headers, request_pairs(&request, 0, None), 1 << 16).unwrap();

            let read = read_request(pairs(&headers), std::time::Instant::now());
            prop_assert!(read.metadata.len() == 1);
            prop_assert!(read.endpoint.len() == request.endpoint.len());
        }
    }
}
