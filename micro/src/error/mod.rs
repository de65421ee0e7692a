//! The one error that crosses seams and the wire.
//!
//! Made by every module, read by users and by the retry loop; knows nothing of either.

mod late;
mod outage;
mod outcome;
mod show;
mod status;
pub(crate) mod typed;

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use outage::RetryAfter;
pub use outcome::Outcome;
pub use typed::TypedError;

use self::status::status_text;

/// A result whose error is [`Error`] unless said otherwise.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, who says so, and whether another try may help.
///
/// `code` is an HTTP status number and `id` the dotted name of the component that speaks, as
/// in go-micro, whose JSON object is also the form on the wire. Branch on [`code`](Self::code),
/// [`typed`](Self::typed) or [`is_retryable`](Self::is_retryable), never on text.
///
/// ```
/// use micro::Error;
///
/// let error = Error::not_found("greeter", "no such name");
///
/// assert_eq!(error.code(), 404);
/// assert_eq!(error.to_string(), "greeter: no such name (404 Not Found)");
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    code: u16,
    id: Cow<'static, str>,
    detail: Cow<'static, str>,
    status: Option<String>,
    reason: Option<Cow<'static, str>>,
    fields: Map<String, Value>,
    source: Option<Box<dyn StdError + Send + Sync>>,
    downstream: bool,
    forwarded: bool,
    never_reached: bool,
    permanent: bool,
}

/// The form on the wire: go-micro's four keys in its order, then ours where there is something to say.
#[derive(Serialize, Deserialize)]
struct Wire<'a> {
    #[serde(default)]
    id: Cow<'a, str>,
    #[serde(default)]
    code: i32,
    #[serde(default)]
    detail: Cow<'a, str>,
    #[serde(default)]
    status: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    fields: Map<String, Value>,
}

/// Generates one constructor per code, so that a call site names the kind of failure.
macro_rules! constructors {
    ($($(#[$doc:meta])* $name:ident = $code:literal;)*) => {$(
        $(#[$doc])*
        pub fn $name(id: impl Into<Cow<'static, str>>, detail: impl Into<Cow<'static, str>>) -> Self {
            Self::new($code, id, detail)
        }
    )*};
}

impl Error {
    /// An error with an HTTP status number; a number outside 400 to 599 becomes 500.
    pub fn new(
        code: u16,
        id: impl Into<Cow<'static, str>>,
        detail: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self(Box::new(Inner {
            code: if (400..600).contains(&code) {
                code
            } else {
                500
            },
            id: id.into(),
            detail: detail.into(),
            status: None,
            reason: None,
            fields: Map::new(),
            source: None,
            downstream: false,
            forwarded: false,
            never_reached: false,
            permanent: false,
        }))
    }

    constructors! {
        /// 400: the request is wrong and stays wrong.
        bad_request = 400;
        /// 401: the caller is not known.
        unauthorized = 401;
        /// 403: the caller is known and may not do this.
        forbidden = 403;
        /// 404: the thing named does not exist.
        not_found = 404;
        /// 405: the endpoint is not called this way.
        method_not_allowed = 405;
        /// 408: the time allowed ran out; go-micro v6 retries it.
        timeout = 408;
        /// 409: the state of the thing named forbids it.
        conflict = 409;
        /// 413: a message is over its limit.
        too_large = 413;
        /// 415: the content type is not known, or not one that the type can take.
        unsupported = 415;
        /// 429: too much at once; try later.
        too_many_requests = 429;
        /// 499: the caller went away.
        cancelled = 499;
        /// 500: a fault of the one who answers.
        internal = 500;
        /// 501: it is not written.
        not_implemented = 501;
        /// 502: the peer answered with something that is not an answer.
        bad_gateway = 502;
        /// 503: not now; try another node, or later.
        unavailable = 503;
        /// 504: the time allowed ran out, and the work may have been done.
        deadline_exceeded = 504;
    }

    /// The HTTP status number, 400 to 599.
    pub fn code(&self) -> u16 {
        self.0.code
    }

    /// Who says so: the dotted name of a service or component, such as `greeter` or `micro.client`.
    pub fn id(&self) -> &str {
        &self.0.id
    }

    /// What went wrong, for people.
    pub fn detail(&self) -> &str {
        &self.0.detail
    }

    /// The text of the code, such as `Not Found`, or what the peer sent in its place.
    pub fn status(&self) -> &str {
        self.0
            .status
            .as_deref()
            .unwrap_or_else(|| status_text(self.0.code))
    }

    /// The name of a typed error's variant, such as `ChatError.Taken`.
    pub fn reason(&self) -> Option<&str> {
        self.0.reason.as_deref()
    }

    /// The fields of a typed error, as JSON values by name.
    pub fn fields(&self) -> &Map<String, Value> {
        &self.0.fields
    }

    /// The typed error that this was made from, here or at the far end.
    ///
    /// `None` if it was none, or one of another type.
    pub fn typed<E: TypedError>(&self) -> Option<E> {
        E::from_reason(self.reason()?, &self.0.fields)
    }

    /// True if no handler can have seen the request, so that it may be sent again elsewhere.
    pub fn is_never_reached(&self) -> bool {
        self.0.never_reached
    }

    /// True if a call that this program made failed with it, at this end or at the far one.
    ///
    /// A handler that returns such an error by a bare `?` answers 500 in its own name; see
    /// [`forward`](Self::forward).
    pub fn is_downstream(&self) -> bool {
        self.0.downstream
    }

    /// Lets a downstream error leave a handler as it is, with its own code and id.
    pub fn forward(mut self) -> Self {
        self.0.forwarded = true;
        self
    }

    /// Adds the cause. It is shown in logs and by [`source`](StdError::source), and never sent.
    ///
    /// ```
    /// # fn read() -> micro::Result<String> {
    /// let lost = |error| micro::Error::internal("greeter", "there are no greetings").with_source(error);
    /// std::fs::read_to_string("greetings.txt").map_err(lost)
    /// # }
    /// ```
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Says that no handler can have seen the request.
    ///
    /// For transports: connecting failed, or the message was handed back unsent.
    pub fn never_reached(mut self) -> Self {
        self.0.never_reached = true;
        self
    }

    /// Says that no other try can succeed: a broker parks a message that failed so at once.
    pub fn permanent(mut self) -> Self {
        self.0.permanent = true;
        self
    }

    /// True if no other try can succeed, and somebody said so.
    pub fn is_permanent(&self) -> bool {
        self.0.permanent
    }

    /// Attaches the variant name and fields of a typed error.
    pub fn with_reason(
        mut self,
        reason: impl Into<Cow<'static, str>>,
        fields: Map<String, Value>,
    ) -> Self {
        self.0.reason = Some(reason.into());
        self.0.fields = fields;
        self
    }

    /// Puts `context` and a colon before the detail.
    pub(crate) fn within(mut self, context: impl fmt::Display) -> Self {
        self.0.detail = format!("{context}: {}", self.0.detail).into();
        self
    }

    /// Names `id` as who says so, if nobody is named yet.
    pub(crate) fn by(mut self, id: &str) -> Self {
        if self.0.id.is_empty() {
            self.0.id = Cow::Owned(id.to_owned());
        }
        self
    }

    /// Marks it as the outcome of a call that this program made.
    pub(crate) fn downstream(mut self) -> Self {
        self.0.downstream = true;
        self
    }

    /// Takes back what the far end of another call said: the handler that made that call has run.
    pub(crate) fn reached(mut self) -> Self {
        self.0.never_reached &= !self.0.downstream;
        self
    }

    /// True if it may leave a handler as it is.
    pub(crate) fn is_own(&self) -> bool {
        !self.0.downstream || self.0.forwarded
    }

    /// What the far end of a call sees of it: the words, and whether a handler was reached.
    pub(crate) fn over_the_wire(self) -> Self {
        let mut seen = Self::from_wire(&self.to_json());
        seen.0.never_reached = self.0.never_reached;
        seen
    }

    /// The JSON object that go-micro sends, on one line, with `<`, `>` and `&` escaped as Go does.
    pub fn to_json(&self) -> String {
        let wire = Wire {
            id: Cow::Borrowed(self.id()),
            code: i32::from(self.code()),
            detail: Cow::Borrowed(self.detail()),
            status: Cow::Borrowed(self.status()),
            reason: self.reason().map(Cow::Borrowed),
            fields: self.0.fields.clone(),
        };
        let mut text = String::new();
        // Strings and JSON values always serialise; an empty text reads as a bare 500.
        for character in serde_json::to_string(&wire).unwrap_or_default().chars() {
            match character {
                '<' => text.push_str("\\u003c"),
                '>' => text.push_str("\\u003e"),
                '&' => text.push_str("\\u0026"),
                other => text.push(other),
            }
        }
        text
    }

    /// Reads what a peer sent: go-micro's JSON object, or bare text, which becomes the detail of a 500.
    ///
    /// The error is marked as [downstream](Self::is_downstream).
    pub fn from_wire(text: &str) -> Self {
        let Ok(wire) = serde_json::from_str::<Wire<'_>>(text) else {
            return Self::internal("", text.to_owned()).downstream();
        };
        let code = u16::try_from(wire.code).unwrap_or(500);
        let mut error =
            Self::new(code, wire.id.into_owned(), wire.detail.into_owned()).downstream();
        if !wire.status.is_empty() && wire.status != status_text(code) {
            error.0.status = Some(wire.status.into_owned());
        }
        if let Some(reason) = wire.reason {
            error = error.with_reason(reason.into_owned(), wire.fields);
        }
        error
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::Error;

    #[test]
    fn the_json_form_is_go_micros() {
        let error = Error::bad_request("greeter.hello", "bad name");

        assert_eq!(
            error.to_json(),
            r#"{"id":"greeter.hello","code":400,"detail":"bad name","status":"Bad Request"}"#
        );
    }

    #[test]
    fn angle_brackets_and_ampersands_are_escaped_as_go_does() {
        let error = Error::bad_request("a", "<b> & c");

        assert!(
            error.to_json().contains(r"\u003cb\u003e \u0026 c"),
            "{}",
            error.to_json()
        );
    }

    #[test]
    fn text_that_is_not_json_becomes_the_detail_of_a_500() {
        let error = Error::from_wire("rpc: can't find service Nope");

        assert_eq!(
            (error.code(), error.detail()),
            (500, "rpc: can't find service Nope")
        );
    }

    #[test]
    fn an_error_survives_the_wire() {
        let sent = Error::new(418, "pot", "short and stout");

        let got = Error::from_wire(&sent.to_json());

        assert_eq!(
            (got.code(), got.id(), got.detail()),
            (418, "pot", "short and stout")
        );
        assert!(got.is_downstream());
    }

    #[test]
    fn a_code_that_is_no_error_becomes_500() {
        assert_eq!(Error::new(200, "a", "b").code(), 500);
        assert_eq!(Error::from_wire(r#"{"code":-1}"#).code(), 500);
    }

    #[test]
    fn the_source_is_never_sent() {
        let error = Error::internal("a", "b").with_source("password");

        assert!(!error.to_json().contains("password"));
    }
}
