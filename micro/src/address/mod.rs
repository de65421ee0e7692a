//! `host:port`: what to bind, and what to tell others.
//!
//! Used by transports, which bind, and by registration, which announces.

#[cfg(feature = "servers")]
mod server;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

#[cfg(feature = "servers")]
pub(crate) use self::server::Server;
#[cfg(feature = "amqp")]
pub(crate) use self::server::decoded;

use crate::error::{Error, Result};

/// Reads `host:port`, `:port` (every interface) or a bare `host` (any free port).
///
/// # Errors
///
/// `bad_request` if it is none of these.
pub fn parse(text: &str) -> Result<SocketAddr> {
    let wrong = || {
        Error::bad_request(
            "micro.address",
            format!(
                "{text:?} is no address to bind: write an IP address and a port, such as 127.0.0.1:8080, or :8080"
            ),
        )
    };
    if let Some(port) = text.strip_prefix(':') {
        let port = port.parse().map_err(|_| wrong())?;
        return Ok(SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), port));
    }
    let text = match text.strip_prefix("localhost") {
        Some(rest) => format!("127.0.0.1{rest}"),
        None => text.to_owned(),
    };
    text.parse::<SocketAddr>()
        .or_else(|_| text.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, 0)))
        .map_err(|_| wrong())
}

/// The address to announce for a listener at `bound`: `wanted` if given, else one that others can reach.
///
/// `wanted` may leave out the port. A listener on every interface is announced by the address that the
/// kernel would route from, or by loopback on a host without a route.
pub fn advertised(bound: SocketAddr, wanted: Option<&str>) -> String {
    match wanted {
        Some(wanted) if has_port(wanted) => wanted.to_owned(),
        Some(wanted) => join(wanted, bound.port()),
        None if bound.ip().is_unspecified() => {
            SocketAddr::new(routed(bound.is_ipv6()), bound.port()).to_string()
        }
        None => bound.to_string(),
    }
}

/// True if `host:port` is on this host: loopback, or an address of one of its interfaces.
///
/// Names are not looked up, so that of those only `localhost` is.
pub fn is_local(address: &str) -> bool {
    match address.parse::<SocketAddr>() {
        // Only an address of this host can be bound; binding a datagram socket disturbs nobody.
        Ok(address) => address.ip().is_loopback() || UdpSocket::bind((address.ip(), 0)).is_ok(),
        Err(_) => address.starts_with("localhost:"),
    }
}

/// `host:port`, with brackets round an IPv6 address that has none.
pub(crate) fn join(host: &str, port: u16) -> String {
    match host.parse::<Ipv6Addr>() {
        Ok(ip) => format!("[{ip}]:{port}"),
        Err(_) => format!("{host}:{port}"),
    }
}

fn has_port(address: &str) -> bool {
    address.rsplit_once(':').is_some_and(|(host, port)| {
        port.parse::<u16>().is_ok() && (!host.contains(':') || host.ends_with(']'))
    })
}

/// The source address of the default route. Connecting a datagram socket sends nothing.
fn routed(v6: bool) -> IpAddr {
    // Addresses reserved for documentation (RFC 5737, RFC 3849): never a real peer.
    let (any, far) = if v6 {
        ("[::]:0", "[2001:db8::1]:9")
    } else {
        ("0.0.0.0:0", "192.0.2.1:9")
    };
    UdpSocket::bind(any)
        .and_then(|socket| socket.connect(far).and_then(|()| socket.local_addr()))
        .map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |address| address.ip())
}

/// The addresses that were given, or else where such a server usually is.
#[cfg(feature = "servers")]
pub(crate) fn given_or<'a>(
    addresses: &'a [String],
    usual: &'a str,
) -> impl Iterator<Item = &'a str> {
    let usual = addresses.is_empty().then_some(usual);
    addresses.iter().map(String::as_str).chain(usual)
}

/// The address of a server, to be shown: without its password, or a user that has none, which may be a token.
pub(crate) fn masked(text: &str) -> String {
    let (start, rest) = match text.split_once("://") {
        Some((scheme, rest)) => (format!("{scheme}://"), rest),
        None => (String::new(), text),
    };
    match rest.rsplit_once('@') {
        Some((user, place)) => {
            let name = user.split_once(':').map(|(name, _)| format!("{name}:"));
            format!("{start}{}***@{place}", name.unwrap_or_default())
        }
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{advertised, is_local, masked, parse};

    #[test]
    fn a_password_is_not_shown() {
        for (text, shown) in [
            ("http://ann:secret@etcd:80", "http://ann:***@etcd:80"),
            ("ann:sec@ret@etcd", "ann:***@etcd"),
            ("http://token@consul", "http://***@consul"),
            ("10.0.0.1:80", "10.0.0.1:80"),
        ] {
            assert_eq!(masked(text), shown);
        }
    }

    #[test]
    fn a_bare_port_binds_every_interface() {
        assert_eq!(parse(":8080").unwrap().to_string(), "0.0.0.0:8080");
    }

    #[test]
    fn a_bare_host_binds_any_free_port() {
        assert_eq!(parse("127.0.0.1").unwrap().port(), 0);
    }

    #[test]
    fn what_is_no_address_is_named_in_the_error() {
        let error = parse("nonsense:x").unwrap_err();

        assert!(error.detail().contains("nonsense:x"), "{error}");
    }

    #[test]
    fn the_address_asked_for_is_announced() {
        let bound = "127.0.0.1:9000".parse().unwrap();

        assert_eq!(advertised(bound, Some("example.org")), "example.org:9000");
        assert_eq!(advertised(bound, Some("example.org:80")), "example.org:80");
        assert_eq!(advertised(bound, Some("[::1]:80")), "[::1]:80");
        assert_eq!(advertised(bound, Some("::1")), "[::1]:9000");
    }

    #[test]
    fn loopback_is_on_this_host_and_a_reserved_address_is_not() {
        assert!(is_local("127.0.0.1:80") && is_local("[::1]:80") && is_local("localhost:80"));
        assert!(!is_local("203.0.113.1:80") && !is_local("example.org:80"));
    }

    #[test]
    fn an_address_of_every_interface_is_never_announced() {
        let bound = "0.0.0.0:9000".parse().unwrap();

        assert!(!advertised(bound, None).starts_with("0.0.0.0"));
    }
}
