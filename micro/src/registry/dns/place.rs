//! Where names are asked for: the servers, the domain and the port, as addresses say or the host does.

use std::net::IpAddr;

use super::ID;
use crate::address::{Server, join};
use crate::error::{Error, Result};
use crate::registry::Options;

/// Where the host says which servers there are.
const HOST: &str = "/etc/resolv.conf";

/// Where services are among all names.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Without a dot at either end; the root if it is empty.
    pub(super) domain: String,
    /// That of addresses that have none; 0 if nobody says.
    pub(super) port: u16,
}

impl Place {
    /// `name` in the domain.
    pub(super) fn whole(&self, name: &str) -> String {
        match &*self.domain {
            "" => name.to_owned(),
            domain => format!("{name}.{domain}"),
        }
    }
}

/// The servers and the place that `options` name, and the host where those do not.
///
/// # Errors
///
/// `bad_request` if an address is none, or if there is no server.
pub(super) fn read(options: &Options) -> Result<(Vec<String>, Place)> {
    let (mut servers, mut domain, mut port) = (Vec::new(), None, None);
    for address in &options.addresses {
        let one = Address::read(address).ok_or_else(|| wrong(address))?;
        if let Some(server) = one.server {
            servers.push(Server::parse(ID, server, 53, ["dns", "dns"])?.address);
        }
        let is_another = |own: Option<&str>, other: Option<&str>| {
            own.is_some() && other.is_some() && own != other
        };
        if is_another(domain, one.domain) || is_another(port, one.port) {
            let detail =
                format!("{address:?} names another domain, or another port, than those before it");
            return Err(Error::bad_request(ID, detail));
        }
        domain = domain.or(one.domain);
        port = port.or(one.port);
    }
    let mut domain = domain.map(str::to_owned);
    if servers.is_empty() {
        let host = Host::read(&std::fs::read_to_string(HOST).unwrap_or_default());
        if host.servers.is_empty() {
            let detail =
                format!("{HOST} names no server: write one, such as dns://10.0.0.2/fleet.example");
            return Err(Error::bad_request(ID, detail));
        }
        servers = host.servers;
        domain = domain.or(host.search);
    }
    let place = Place {
        domain: within(&options.namespace, &domain.unwrap_or_default()),
        port: port.and_then(|port| port.parse().ok()).unwrap_or_default(),
    };
    Ok((servers, place))
}

fn within(namespace: &str, domain: &str) -> String {
    let domain = domain.trim_matches('.');
    let parts = [namespace, domain]
        .into_iter()
        .filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join(".")
}

fn wrong(address: &str) -> Error {
    let detail = format!(
        "{address:?} is no address of the registry dns: write dns://SERVER:53/DOMAIN?port=8080, or parts of it"
    );
    Error::bad_request(ID, detail)
}

/// The parts of one address.
#[derive(Debug, PartialEq, Eq)]
struct Address<'a> {
    server: Option<&'a str>,
    domain: Option<&'a str>,
    port: Option<&'a str>,
}

impl<'a> Address<'a> {
    fn read(text: &'a str) -> Option<Self> {
        let text = text.strip_prefix("dns://").unwrap_or(text);
        let (text, asked) = text.split_once('?').unwrap_or((text, ""));
        let port = match asked {
            "" => None,
            asked => {
                let port = asked.strip_prefix("port=")?;
                Some(port)
                    .filter(|port| port.parse::<u16>().is_ok_and(|port| port > 0))?
                    .into()
            }
        };
        let (server, domain) = text.split_once('/').unwrap_or((text, ""));
        let said = |part: &'a str| (!part.is_empty()).then_some(part);
        (!domain.contains(['/', ':', '@', ' '])).then_some(Self {
            server: said(server),
            domain: said(domain),
            port,
        })
    }
}

/// What the host says.
#[derive(Debug, Default, PartialEq, Eq)]
struct Host {
    servers: Vec<String>,
    search: Option<String>,
}

impl Host {
    fn read(text: &str) -> Self {
        let mut host = Self::default();
        for line in text.lines() {
            let mut words = line.split_whitespace();
            match (words.next(), words.next()) {
                (Some("nameserver"), Some(ip)) if ip.parse::<IpAddr>().is_ok() => {
                    host.servers.push(join(ip, 53));
                }
                // The last line counts.
                (Some("search" | "domain"), Some(domain)) => host.search = Some(domain.to_owned()),
                _ => {}
            }
        }
        host
    }
}

#[cfg(test)]
mod tests {
    use super::{Address, Host, Place, read};
    use crate::registry::Options;

    fn place(addresses: &[&str], namespace: &str) -> crate::Result<(Vec<String>, Place)> {
        read(&Options {
            addresses: addresses.iter().map(|&one| one.to_owned()).collect(),
            namespace: namespace.to_owned(),
            ..Options::default()
        })
    }

    #[test]
    fn an_address_is_a_server_a_domain_and_a_port() {
        let (servers, place) = place(
            &["dns://10.0.0.2:5353/fleet.example?port=8080", "10.0.0.3"],
            "blue",
        )
        .unwrap();

        assert_eq!(servers, ["10.0.0.2:5353", "10.0.0.3:53"]);
        assert_eq!(place.whole("greeter"), "greeter.blue.fleet.example");
        assert_eq!(place.port, 8080);
    }

    #[test]
    fn two_domains_or_ports_are_refused() {
        for two in [
            ["10.0.0.1/a", "10.0.0.2/b"],
            ["10.0.0.1?port=1", "10.0.0.2?port=2"],
        ] {
            assert_eq!(place(&two, "").unwrap_err().code(), 400);
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in ["a/b/c", "a?port=0", "a?ports=1", "a/b:80", "a/u@b"] {
            assert!(Address::read(text).is_none(), "{text}");
        }
    }

    #[test]
    fn the_host_says_which_servers_there_are_and_where_names_are_searched() {
        let host = Host::read(
            "# pods\nsearch blue.svc.cluster.local svc.cluster.local\nnameserver 10.96.0.10\nnameserver ::1\noptions ndots:5\n",
        );

        assert_eq!(host.servers, ["10.96.0.10:53", "[::1]:53"]);
        assert_eq!(host.search.unwrap(), "blue.svc.cluster.local");
    }
}
