//! The address of a server of a backend, and who speaks to it.

use std::net::Ipv6Addr;

use super::{has_port, join};
use crate::error::{Error, Result};

/// A server of a backend, as it stands in `--registry_address` and its kin.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Server {
    /// `host:port`.
    pub(crate) address: String,
    /// The host alone, which is what its certificate says.
    pub(crate) host: String,
    pub(crate) is_secured: bool,
    /// The name and the password.
    pub(crate) user: Option<(String, String)>,
}

impl Server {
    /// Reads `host`, `host:port` or `scheme://user:password@host:port`, where the second of `schemes` is in TLS.
    ///
    /// # Errors
    ///
    /// `bad_request` of `id` if it is none of these; it shows no password.
    pub(crate) fn parse(
        id: &'static str,
        text: &str,
        port: u16,
        schemes: [&str; 2],
    ) -> Result<Self> {
        let [plain, secured] = schemes;
        let (scheme, rest) = text.split_once("://").unwrap_or((plain, text));
        let (user, place) = match rest.rsplit_once('@') {
            Some((user, place)) => (Some(user), place),
            None => (None, rest),
        };
        let place = place.strip_suffix('/').unwrap_or(place);
        let wrong = || {
            let detail = format!(
                "{place:?} is no address of a server: write host:{port}, or {secured}://user:password@host:{port}"
            );
            Error::bad_request(id, detail)
        };
        if !schemes.contains(&scheme) || place.contains(['/', '?', '#', ' ']) {
            return Err(wrong());
        }
        let address = match has_port(place) {
            true => place.to_owned(),
            false => join(place, port),
        };
        let host = address.rsplit_once(':').map_or("", |(host, _)| host);
        let host = host
            .trim_start_matches('[')
            .trim_end_matches(']')
            .to_owned();
        if host.is_empty() || (host.contains(':') && host.parse::<Ipv6Addr>().is_err()) {
            return Err(wrong());
        }
        let user = user.map(|user| {
            let (name, password) = user.split_once(':').unwrap_or((user, ""));
            Some((decoded(name)?, decoded(password)?))
        });
        Ok(Self {
            address,
            host,
            is_secured: scheme == secured,
            user: user.map(|user| user.ok_or_else(wrong)).transpose()?,
        })
    }
}

/// Text of a URL, whose escapes are `%` and two digits.
pub(crate) fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut pieces = text.split('%');
    bytes.extend_from_slice(pieces.next()?.as_bytes());
    for piece in pieces {
        bytes.push(u8::from_str_radix(piece.get(..2)?, 16).ok()?);
        bytes.extend_from_slice(&piece.as_bytes()[2..]);
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::Server;

    fn server(text: &str) -> Server {
        Server::parse("test", text, 2379, ["http", "https"]).unwrap()
    }

    #[test]
    fn a_server_has_the_usual_port_and_no_tls_unless_said_otherwise() {
        for (text, address) in [
            ("etcd", "etcd:2379"),
            ("etcd:80", "etcd:80"),
            ("http://10.0.0.1", "10.0.0.1:2379"),
            ("::1", "[::1]:2379"),
            ("http://[::1]:80/", "[::1]:80"),
        ] {
            let server = server(text);
            assert_eq!((&*server.address, server.is_secured), (address, false));
        }
        assert!(server("https://etcd").is_secured);
        assert_eq!(server("https://[::1]:80").host, "::1");
    }

    #[test]
    fn the_user_of_a_server_may_have_any_characters() {
        let user = server("http://ann:p%40ss%3a@etcd").user;

        assert_eq!(user, Some(("ann".to_owned(), "p@ss:".to_owned())));
    }

    #[test]
    fn what_is_no_server_is_refused_without_its_password() {
        for text in [
            "ftp://a:secret@b",
            "http://a:secret@b/c",
            "http://a:secret@",
            "a:b:c",
            "http://a:secret%zz@b",
        ] {
            let error = Server::parse("test", text, 1, ["http", "https"])
                .err()
                .unwrap();
            assert!(!error.detail().contains("secret"), "{error}");
        }
    }
}
