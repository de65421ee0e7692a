//! What pages in browsers may ask of a server: whose they may be, and under which name they may call it.

use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;
use hyper::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, HOST, HeaderMap, HeaderName, HeaderValue, ORIGIN, VARY,
};
use hyper::http::request::Parts;
use hyper::{Method, StatusCode};

use super::ID;
use crate::error::{Error, Result};
use crate::http::Outbound;
use crate::transport::Web;

/// For how many seconds a browser need not ask again.
const REMEMBERED: HeaderValue = HeaderValue::from_static("600");
/// What pages may read beside the body.
const EXPOSED: HeaderValue = HeaderValue::from_static("micro-error, micro-reached, micro-id");

impl Web {
    /// Refuses what comes over the loopback interface under the name of another host: a page of that host made the
    /// browser believe that this is its server.
    ///
    /// # Errors
    ///
    /// `forbidden`, marked as never reached, with the flag that allows it.
    pub(super) fn admit(&self, parts: &Parts, peer: &str) -> Result<()> {
        let Some(host) = host(parts) else {
            return Ok(());
        };
        if is_harmless(host) || !is_loopback(peer) {
            return Ok(());
        }
        if self.hosts.iter().any(|own| own.eq_ignore_ascii_case(host)) {
            return Ok(());
        }
        let shown: String = host.chars().take(100).collect();
        let detail = format!(
            "the request is for the host {shown:?}: over the loopback interface only localhost and addresses are \
             answered; allow this name by --allow_host={shown}"
        );
        Err(Error::forbidden(ID, detail).never_reached())
    }

    /// The origin of the page that asks, if there is one that may.
    pub(super) fn origin(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let origin = headers.get(ORIGIN)?;
        let text = origin.to_str().ok()?;
        let is_own = |own: &String| own == "*" || own.eq_ignore_ascii_case(text);
        self.origins.iter().any(is_own).then(|| origin.clone())
    }

    /// True unless a page of another origin asks, that may not.
    #[cfg(feature = "websocket")]
    pub(super) fn trusts(&self, parts: &Parts) -> bool {
        let Some(origin) = parts.headers.get(ORIGIN) else {
            return true;
        };
        let own = parts.headers.get(HOST).and_then(|own| own.to_str().ok());
        let theirs = origin.to_str().ok().and_then(|text| text.split_once("://"));
        let is_same = theirs.is_some_and(|(_, theirs)| own == Some(theirs));
        is_same || self.origin(&parts.headers).is_some()
    }
}

/// The answer to a browser that asks whether a page of `origin` may call.
pub(super) fn preflight(
    parts: &Parts,
    origin: Option<&HeaderValue>,
) -> Option<hyper::Response<Outbound>> {
    let is_asked = parts.method == Method::OPTIONS
        && parts.headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    if !is_asked || origin.is_none() {
        return None;
    }
    let mut reply = hyper::Response::new(Outbound::from(Bytes::new()));
    *reply.status_mut() = StatusCode::NO_CONTENT;
    let headers = reply.headers_mut();
    headers.insert(
        ACCESS_CONTROL_ALLOW_METHODS,
        HeaderValue::from_static("GET, POST"),
    );
    headers.insert(ACCESS_CONTROL_MAX_AGE, REMEMBERED);
    if let Some(asked) = parts.headers.get(ACCESS_CONTROL_REQUEST_HEADERS) {
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, asked.clone());
    }
    Some(reply)
}

/// Says in a reply that a page of `origin` may read it.
pub(super) fn allow(headers: &mut HeaderMap, origin: HeaderValue) {
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    headers.append::<HeaderName>(VARY, HeaderValue::from_static("origin"));
}

/// The name that the request was made under, without its port.
fn host(parts: &Parts) -> Option<&str> {
    if let Some(host) = parts.uri.host() {
        return Some(host);
    }
    let host = parts.headers.get(HOST)?.to_str().unwrap_or("?");
    Some(match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    })
}

/// True for an address, and for names that always mean the host itself: no other server can have them.
fn is_harmless(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare.parse::<IpAddr>().is_ok()
        || host.eq_ignore_ascii_case("localhost")
        || host.len() > 10 && host[host.len() - 10..].eq_ignore_ascii_case(".localhost")
}

fn is_loopback(peer: &str) -> bool {
    peer.parse::<SocketAddr>()
        .is_ok_and(|peer| peer.ip().to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::{Parts, Web, is_harmless};

    fn parts(host: &str) -> Parts {
        let request = hyper::Request::get("/").header("host", host);
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn addresses_and_localhost_are_harmless() {
        for host in [
            "127.0.0.1",
            "[::1]",
            "10.0.0.1",
            "localhost",
            "LocalHost.",
            "a.localhost",
        ] {
            assert!(is_harmless(host), "{host}");
        }
    }

    #[test]
    fn other_names_are_not() {
        for host in [
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "",
            "alocalhost",
        ] {
            assert!(!is_harmless(host), "{host}");
        }
    }

    #[test]
    fn another_name_is_refused_over_loopback_with_the_flag_that_allows_it() {
        let error = Web::default()
            .admit(&parts("evil.example:80"), "127.0.0.1:1")
            .unwrap_err();

        assert_eq!(error.code(), 403);
        assert!(
            error.detail().contains("--allow_host=evil.example"),
            "{error}"
        );
    }

    #[test]
    fn another_name_is_answered_over_the_network() {
        assert!(
            Web::default()
                .admit(&parts("api.example"), "10.0.0.1:1")
                .is_ok()
        );
    }

    #[test]
    fn a_name_that_is_allowed_is_answered_over_loopback() {
        let web = Web {
            hosts: vec!["api.example".to_owned()],
            ..Web::default()
        };

        assert!(web.admit(&parts("API.example"), "[::1]:1").is_ok());
    }
}
