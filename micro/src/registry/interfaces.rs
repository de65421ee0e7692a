//! The network interfaces that a registry on multicast uses beside loopback: those that were named.

use std::net::IpAddr;
#[cfg(feature = "mdns-go")]
use std::net::Ipv4Addr;

/// Interfaces by name or address; loopback is not among them, since it is always used.
#[derive(Debug, Default)]
pub(super) struct Named(Vec<String>);

impl Named {
    pub(super) fn new(wanted: &[String]) -> Self {
        let wanted = wanted.iter().filter(|one| !is_loopback(one));
        Self(wanted.cloned().collect())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &String> {
        self.0.iter()
    }

    /// This host's address on the first of them that is there; on IPv4 if it can be.
    pub(super) fn address(&self) -> Option<IpAddr> {
        let found = self.found();
        let of = |wanted: &String| {
            let mut own = found
                .iter()
                .filter(|one| is_it(wanted, one))
                .map(if_addrs::Interface::ip);
            own.clone().find(IpAddr::is_ipv4).or_else(|| own.next())
        };
        self.0.iter().find_map(of)
    }

    /// What is on IPv4 at each that is there.
    #[cfg(feature = "mdns-go")]
    pub(super) fn v4(&self) -> Vec<Link> {
        let found = self.found();
        let of = |wanted: &String| {
            let mut own = found.iter().filter(|one| is_it(wanted, one));
            own.find_map(|one| match &one.addr {
                if_addrs::IfAddr::V4(at) => Some(Link {
                    name: one.name.clone(),
                    own: at.ip,
                    mask: at.netmask,
                }),
                if_addrs::IfAddr::V6(_) => None,
            })
        };
        self.0.iter().filter_map(of).collect()
    }

    /// Says in the log which are not there.
    pub(super) fn warn_of_missing(&self) {
        let found = self.found();
        let is_missing = |wanted: &&String| !found.iter().any(|one| is_it(wanted, one));
        let missing: Vec<_> = self.0.iter().filter(is_missing).cloned().collect();
        if missing.is_empty() {
            return;
        }
        let mut there: Vec<_> = found.iter().map(|one| one.name.as_str()).collect();
        there.dedup();
        let (missing, there) = (missing.join(", "), there.join(", "));
        tracing::warn!("mDNS has no interface {missing} (--registry_address): there are {there}");
    }

    fn found(&self) -> Vec<if_addrs::Interface> {
        if self.is_empty() {
            return Vec::new();
        }
        if_addrs::get_if_addrs().unwrap_or_default()
    }
}

/// An interface that others are reached by.
#[cfg(feature = "mdns-go")]
#[derive(Clone)]
pub(super) struct Link {
    pub(super) name: String,
    /// This host's address on it.
    pub(super) own: Ipv4Addr,
    mask: Ipv4Addr,
}

#[cfg(feature = "mdns-go")]
impl Link {
    /// True if a host of that address is on it, with no router between.
    pub(super) fn has(&self, ip: IpAddr) -> bool {
        let subnet = |ip: Ipv4Addr| ip.to_bits() & self.mask.to_bits();
        matches!(ip, IpAddr::V4(ip) if subnet(ip) == subnet(self.own))
    }
}

fn is_it(wanted: &str, found: &if_addrs::Interface) -> bool {
    found.name == wanted || wanted.parse() == Ok(found.ip())
}

fn is_loopback(wanted: &str) -> bool {
    wanted.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

/// True if an announced address is reachable from this host only.
pub(super) fn is_loopback_address(address: &str) -> bool {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    let ip = host.trim_matches(['[', ']']).parse();
    host == "localhost" || ip.is_ok_and(|ip: IpAddr| ip.is_loopback())
}

#[cfg(all(test, feature = "mdns-go"))]
mod tests {
    use super::Link;

    #[test]
    fn hosts_of_its_subnet_alone_are_on_a_link() {
        let link = Link {
            name: "eth0".to_owned(),
            own: [10, 0, 0, 5].into(),
            mask: [255, 255, 255, 0].into(),
        };

        assert!(link.has([10, 0, 0, 77].into()));
        assert!(!link.has([10, 0, 1, 77].into()));
        assert!(!link.has("::ffff:10.0.0.77".parse().unwrap()));
    }
}
