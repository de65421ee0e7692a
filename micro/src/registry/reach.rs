//! Where to listen, and what to announce, so that those who find a node reach it.

use std::net::SocketAddr;

use super::Registry;
use crate::address;

/// Where to listen: at `wanted`; if that is empty, at a port that only this host reaches, unless others find nodes, too.
pub(crate) fn bind<'a>(registry: &dyn Registry, wanted: &'a str) -> &'a str {
    match wanted {
        "" if registry.reachable_at().is_some() => ":0",
        "" => "127.0.0.1:0",
        wanted => wanted,
    }
}

/// The address to announce for a listener at `bound`: `wanted` if given, else one that others can reach.
pub(crate) fn advertised(registry: &dyn Registry, bound: &str, wanted: Option<&str>) -> String {
    let Ok(bound) = bound.parse::<SocketAddr>() else {
        // One that is no socket's is announced as it is.
        return wanted.unwrap_or(bound).to_owned();
    };
    let reachable = || {
        let ip = registry.reachable_at()?;
        Some(SocketAddr::new(ip, bound.port()).to_string())
    };
    match wanted {
        None if bound.ip().is_unspecified() => address::advertised(bound, reachable().as_deref()),
        wanted => address::advertised(bound, wanted),
    }
}
