//! Heads of calls and replies: from pairs of names and values, and back.

use std::borrow::Cow;
use std::fmt;
use std::time::{Duration, Instant};

use super::header::{Header, Kind, kind};
use crate::error::Error;
use crate::message::{ContentType, Request};
use crate::metadata::Metadata;
use crate::trace;

/// The name of a header that is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Name<'a> {
    /// A part of the head.
    Head(Header),
    /// Metadata, by the name that the user gave; it need not be one that the carrier can write.
    Metadata(&'a str),
}

/// The value of a header that is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    /// As it is; it may contain anything.
    Text(&'a str),
    /// In decimal.
    Number(u64),
}

impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Number(number) => fmt::Display::fmt(number, f),
        }
    }
}

/// The headers of `request`, each name once. `time_left` is what the far end may still take.
pub(crate) fn request_pairs(
    request: &Request,
    id: u64,
    time_left: Option<Duration>,
) -> impl Iterator<Item = (Name<'_>, Value<'_>)> {
    let accept = request.accept.as_ref().unwrap_or(&request.content_type);
    let head = [
        (Header::Service, Value::Text(&request.service)),
        (Header::Endpoint, Value::Text(&request.endpoint)),
        // Read by peers that know no endpoints, and required by some that do.
        (Header::Method, Value::Text(&request.endpoint)),
        (Header::Id, Value::Number(id)),
        (
            Header::ContentType,
            Value::Text(request.content_type.as_str()),
        ),
        (Header::Accept, Value::Text(accept.as_str())),
    ];
    let timeout = time_left.map(|left| (Header::Timeout, Value::Number(nanoseconds(left))));
    head.into_iter()
        .chain(timeout)
        .map(|(header, value)| (Name::Head(header), value))
        .chain(metadata_pairs(&request.metadata))
}

/// The pairs of `metadata` that leave this process: hop headers do not.
pub(crate) fn metadata_pairs(metadata: &Metadata) -> impl Iterator<Item = (Name<'_>, Value<'_>)> {
    metadata
        .iter()
        .filter(|(name, _)| kind(name) == Kind::Metadata)
        .map(|(name, value)| (Name::Metadata(name), Value::Text(value)))
}

/// Reads the head of a call; its body is empty, and so is its endpoint if the head names none.
///
/// The first value of a name counts, as in go-micro, but for those of a trace, which make a list; bytes that are not UTF-8 are replaced. A missing content type
/// means protobuf, and a time limit that cannot be read means none.
pub(crate) fn read_request<'a>(
    pairs: impl Iterator<Item = (&'a str, &'a [u8])>,
    now: Instant,
) -> Request {
    let (parts, metadata) = sort(pairs);
    let owned = |headers: &[Header]| parts.first(headers).map_or(Cow::Borrowed(""), owned);
    let mut request = Request::new(
        owned(&[Header::Service, Header::ServiceTwin]),
        owned(&[
            Header::Endpoint,
            Header::EndpointTwin,
            Header::Method,
            Header::MethodTwin,
        ]),
    );
    request.content_type = parts.content_type().unwrap_or(ContentType::PROTOBUF);
    request.accept = parts
        .first(&[Header::Accept])
        .and_then(|text| accept(&lossy(text)));
    request.deadline = parts
        .first(&[Header::Timeout])
        .and_then(|text| lossy(text).trim().parse().ok())
        .and_then(|left| now.checked_add(Duration::from_nanos(left)));
    request.metadata = metadata;
    request
}

/// What the head of a reply says.
#[derive(Debug)]
pub(crate) struct Reply {
    /// How the body is encoded, if it says so.
    pub(crate) content_type: Option<ContentType>,
    /// What the handler's side added.
    pub(crate) metadata: Metadata,
    /// The error that the call ended with, marked as never reached only if one of our own nodes says so.
    pub(crate) error: Option<Error>,
    /// Whether a handler may have been reached, if it says so, as only our own nodes do.
    pub(crate) reached: Option<bool>,
}

/// Reads the head of a reply.
pub(crate) fn read_reply<'a>(pairs: impl Iterator<Item = (&'a str, &'a [u8])>) -> Reply {
    let (parts, metadata) = sort(pairs);
    let reached = parts.first(&[Header::Reached]).map(|text| text != b"no");
    let error = parts
        .first(&[Header::Error, Header::ErrorTwin])
        .map(|text| Error::from_wire(&lossy(text)));
    Reply {
        content_type: parts.content_type(),
        metadata,
        error: match reached {
            Some(false) => error.map(Error::never_reached),
            _ => error,
        },
        reached,
    }
}

/// The value of [`Header::Reached`] for a call that ended with `error`.
pub(crate) fn reached(error: &Error) -> &'static str {
    if error.is_never_reached() {
        "no"
    } else {
        "yes"
    }
}

/// Reads what the caller accepts: one type, or `None` where it leaves a choice.
fn accept(text: &str) -> Option<ContentType> {
    let one = !text.is_empty() && !text.contains([',', '*']);
    one.then(|| ContentType::new(text))
}

/// `left` as the value of [`Header::Timeout`]: at most what Go can hold, which is signed.
pub(crate) fn nanoseconds(left: Duration) -> u64 {
    const MOST: u64 = i64::MAX as u64;
    u64::try_from(left.as_nanos()).map_or(MOST, |left| left.min(MOST))
}

/// The parts of a head, by header.
struct Parts<'a>([Option<&'a [u8]>; Header::ALL.len()]);

impl<'a> Parts<'a> {
    /// The value of the first of `headers` that has one. An empty value is none, as in go-micro.
    fn first(&self, headers: &[Header]) -> Option<&'a [u8]> {
        headers.iter().find_map(|header| self.0[*header as usize])
    }

    fn content_type(&self) -> Option<ContentType> {
        Some(ContentType::new(&lossy(
            self.first(&[Header::ContentType])?,
        )))
    }
}

/// Tells the parts of the head from the metadata, and drops the rest.
fn sort<'a>(pairs: impl Iterator<Item = (&'a str, &'a [u8])>) -> (Parts<'a>, Metadata) {
    let mut parts = Parts([None; Header::ALL.len()]);
    let mut metadata = Metadata::new();
    for (name, value) in pairs {
        match kind(name) {
            Kind::Head(header) if !value.is_empty() => {
                parts.0[header as usize].get_or_insert(value);
            }
            Kind::Metadata => match metadata.get(name) {
                None => metadata.set(name, &lossy(value)),
                // Its state is a list, which may come in parts; of two traces neither can be read then.
                Some(first) if trace::is_part(name) => {
                    let list = format!("{first},{}", lossy(value));
                    metadata.set(name, &list);
                }
                Some(_) => {}
            },
            _ => {}
        }
    }
    (parts, metadata)
}

fn lossy(value: &[u8]) -> Cow<'_, str> {
    // The check alone is many times faster.
    str::from_utf8(value).map_or_else(|_| String::from_utf8_lossy(value), Cow::Borrowed)
}

fn owned(value: &[u8]) -> Cow<'static, str> {
    Cow::Owned(lossy(value).into_owned())
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use proptest::prelude::{ProptestConfig, any, prop_assert, proptest};

    use super::{Name, Value, accept, read_reply, read_request, request_pairs};
    use crate::message::{ContentType, Request};
    use crate::trace::Trace;
    use crate::wire::header::{Header, Kind, kind};

    fn read(pairs: &[(&str, &str)]) -> Request {
        let pairs = pairs.iter().map(|(name, value)| (*name, value.as_bytes()));
        read_request(pairs, Instant::now())
    }

    #[test]
    fn the_endpoint_is_found_under_all_its_names() {
        for name in [
            "Micro-Endpoint",
            "X-Micro-Endpoint",
            "Micro-Method",
            "X-Micro-Method",
        ] {
            assert_eq!(
                read(&[(name, "Greeter.Hello")]).endpoint,
                "Greeter.Hello",
                "{name}"
            );
        }
    }

    #[test]
    fn the_plain_name_comes_before_its_twin_and_the_endpoint_before_the_method() {
        let head = [
            ("X-Micro-Endpoint", "b"),
            ("Micro-Method", "c"),
            ("Micro-Endpoint", "a"),
        ];

        assert_eq!(read(&head).endpoint, "a");
        assert_eq!(read(&head[..2]).endpoint, "b");
    }

    #[test]
    fn the_first_of_repeated_values_counts() {
        let request = read(&[
            ("Micro-Service", "a"),
            ("x", "1"),
            ("micro-service", "b"),
            ("X", "2"),
        ]);

        assert_eq!(
            (&*request.service, request.metadata.get("x")),
            ("a", Some("1"))
        );
    }

    #[test]
    fn the_state_of_a_trace_may_come_in_parts() {
        let request = read(&[("tracestate", "a=1"), ("x", "1"), ("TraceState", "b=2")]);

        assert_eq!(request.metadata.get("tracestate"), Some("a=1,b=2"));
    }

    #[test]
    fn of_two_traces_neither_is_believed() {
        let one = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let request = read(&[("traceparent", one), ("traceparent", one)]);

        assert_eq!(
            request.metadata.get("traceparent").and_then(Trace::read),
            None
        );
    }

    #[test]
    fn a_time_limit_is_in_nanoseconds() {
        let now = Instant::now();

        let request = read_request([("Timeout", &b"5000000000"[..])].into_iter(), now);

        assert_eq!(request.deadline, Some(now + Duration::from_secs(5)));
    }

    #[test]
    fn a_time_limit_that_cannot_be_read_is_none() {
        for text in ["", "5s", "-1", "1e9", "99999999999999999999"] {
            assert_eq!(read(&[("Timeout", text)]).deadline, None, "{text}");
        }
    }

    #[test]
    fn without_a_content_type_the_body_is_protobuf() {
        assert_eq!(read(&[]).content_type, ContentType::PROTOBUF);
    }

    #[test]
    fn a_choice_of_types_is_no_wish() {
        for text in ["*/*", "text/html, application/json", ""] {
            assert_eq!(accept(text), None, "{text}");
        }
        assert_eq!(accept("application/json"), Some(ContentType::JSON));
    }

    #[test]
    fn an_error_is_never_reached_only_if_the_reply_says_so() {
        let error =
            |pairs: &[(&'static str, &'static [u8])]| read_reply(pairs.iter().copied()).error;

        assert!(
            error(&[("Micro-Error", b"x"), ("Micro-Reached", b"no")])
                .is_some_and(|e| e.is_never_reached())
        );
        assert!(
            error(&[("Micro-Error", b"x"), ("Micro-Reached", b"yes")])
                .is_some_and(|e| !e.is_never_reached())
        );
        assert!(error(&[("Micro-Error", b"x")]).is_some_and(|e| !e.is_never_reached()));
        assert!(error(&[("Micro-Reached", b"no")]).is_none());
    }

    #[test]
    fn an_error_is_found_under_both_its_names() {
        let error = |name| read_reply([(name, &b"EOF"[..])].into_iter()).error;

        assert!(error("X-Micro-Error").is_some() && error("Micro-Error").is_some());
    }

    #[test]
    fn hop_headers_do_not_leave_as_metadata() {
        let mut request = Request::new("greeter", "Greeter.Hello");
        for (name, value) in [
            ("Micro-Topic", "t"),
            ("timeout", "1"),
            ("Host", "h"),
            ("x-user", "42"),
        ] {
            request.metadata.set(name, value);
        }

        let pairs = request_pairs(&request, 7, None).collect::<Vec<_>>();

        let metadata = pairs
            .iter()
            .filter(|(name, _)| matches!(name, Name::Metadata(_)));
        assert_eq!(
            metadata.collect::<Vec<_>>(),
            [&(Name::Metadata("x-user"), Value::Text("42"))]
        );
        assert!(pairs.contains(&(Name::Head(Header::Id), Value::Number(7))));
    }

    #[test]
    fn a_time_limit_beyond_what_go_can_hold_is_the_longest() {
        let request = Request::new("a", "b");

        let mut pairs = request_pairs(&request, 0, Some(Duration::MAX));

        let most = Value::Number(9_223_372_036_854_775_807);
        assert!(pairs.any(|pair| pair == (Name::Head(Header::Timeout), most)));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn any_head_can_be_read(pairs in any::<Vec<(String, Vec<u8>)>>(), known in any::<Vec<(usize, Vec<u8>)>>()) {
            let known = known.iter().map(|(index, value)| {
                (Header::ALL[index % Header::ALL.len()].name(), value.as_slice())
            });
            let pairs = pairs.iter().map(|(name, value)| (name.as_str(), value.as_slice()));
            let pairs = pairs.chain(known).collect::<Vec<_>>();

            let request = read_request(pairs.iter().copied(), Instant::now());
            let reply = read_reply(pairs.iter().copied());

            for (name, _) in request.metadata.iter().chain(reply.metadata.iter()) {
                prop_assert!(kind(name) == Kind::Metadata);
            }
        }
    }
}
