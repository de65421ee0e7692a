//! Which network interfaces mDNS speaks on: loopback always, others if they are named.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mdns_sd::{IfKind, IfPredicate};

use crate::registry::interfaces::Named;

/// The interfaces that were asked for, and what was found of them.
#[derive(Debug, Default)]
pub(super) struct Interfaces {
    wanted: Named,
    /// The interfaces in use, by name; nothing before the first look.
    found: Mutex<Option<BTreeMap<String, IpAddr>>>,
}

impl Interfaces {
    pub(super) fn new(wanted: &[String]) -> Self {
        Self {
            wanted: Named::new(wanted),
            found: Mutex::default(),
        }
    }

    pub(super) fn are_loopback_only(&self) -> bool {
        self.wanted.is_empty()
    }

    pub(super) fn selection(self: &Arc<Self>) -> IfKind {
        let this = Arc::clone(self);
        IfKind::Predicate(IfPredicate::new(move |interface| {
            this.take_in(&interface.name, interface.ip())
        }))
    }

    /// True if the interface is to be used.
    fn take_in(&self, name: &str, ip: IpAddr) -> bool {
        let is_wanted = |wanted: &String| wanted == name || wanted.parse() == Ok(ip);
        let mut found = self.found();
        let found = found.get_or_insert_default();
        if self.wanted.iter().any(is_wanted) {
            found.insert(name.to_owned(), ip);
            return true;
        }
        ip.is_loopback() && ip.is_ipv4()
    }

    /// The interfaces that were asked for.
    pub(super) fn wanted(&self) -> &Named {
        &self.wanted
    }

    /// The addresses in use beside loopback.
    pub(super) fn lan(&self) -> Vec<Ipv4Addr> {
        let found = self.found();
        let all = found.iter().flat_map(BTreeMap::values);
        let v4 = all.filter_map(|ip| match ip {
            IpAddr::V4(ip) => Some(*ip),
            IpAddr::V6(_) => None,
        });
        v4.collect()
    }

    fn found(&self) -> MutexGuard<'_, Option<BTreeMap<String, IpAddr>>> {
        // The map is whole after any panic: each change is one call.
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Such as `loopback (127.0.0.1), eth0 (10.0.0.5), wlan7 (not there)`.
    pub(super) fn describe(&self) -> String {
        let mut text = "loopback (127.0.0.1)".to_owned();
        let found = self.found();
        for wanted in self.wanted.iter() {
            text.push_str(", ");
            text.push_str(wanted);
            let Some(found) = &*found else { continue };
            let ip = wanted.parse();
            let is_it = |(name, at): &(&String, &IpAddr)| *name == wanted || Ok(**at) == ip;
            match found.iter().find(is_it) {
                None => text.push_str(" (not there)"),
                Some((name, _)) if ip.is_ok() => text.push_str(&format!(" ({name})")),
                Some((_, ip)) => text.push_str(&format!(" ({ip})")),
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

    use super::Interfaces;

    const LAN: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 5));

    #[test]
    fn only_loopback_is_used_unless_others_are_named() {
        let interfaces = Interfaces::new(&[]);

        assert!(interfaces.take_in("lo", Ipv4Addr::LOCALHOST.into()));
        assert!(!interfaces.take_in("lo", Ipv6Addr::LOCALHOST.into()));
        assert!(!interfaces.take_in("eth0", LAN));
    }

    #[test]
    fn an_interface_is_named_by_its_name_or_by_its_address() {
        assert!(Interfaces::new(&["eth0".to_owned()]).take_in("eth0", LAN));
        assert!(Interfaces::new(&["10.0.0.5".to_owned()]).take_in("eth0", LAN));
    }

    #[test]
    fn an_interface_that_is_not_there_is_said_to_be_so() {
        let interfaces = Interfaces::new(&["eth0".to_owned(), "eth7".to_owned()]);

        interfaces.take_in("eth0", LAN);

        assert_eq!(
            interfaces.describe(),
            "loopback (127.0.0.1), eth0 (10.0.0.5), eth7 (not there)"
        );
    }
}
