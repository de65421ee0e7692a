//! What services and nodes are called in DNS: `<node id>.<service>.<domain>`, dots and all.

use super::ID;
use crate::error::{Error, Result};
use crate::registry::{Node, Service};

/// Under this name services are listed: `<service>._services.<domain>`.
pub(super) const SERVICES: &str = "_services";

/// Under this name others list the kinds of services there are.
pub(super) const KINDS: &str = "_services._dns-sd._udp";

/// The domains of go-micro v1.10 and later, and of those before.
const DOMAINS: [&str; 2] = ["micro", "local"];

/// The domains that nodes are announced and looked for in; a namespace is a domain of its own, as in go-micro.
///
/// # Errors
///
/// `bad_request` if the namespace cannot be one.
pub(super) fn domains(namespace: &str) -> Result<Vec<String>> {
    if namespace.is_empty() {
        return Ok(DOMAINS.map(str::to_owned).into());
    }
    if !is_name(namespace) || namespace.len() > 100 {
        let detail = format!("the registry's namespace {namespace:?} is no domain of mDNS");
        return Err(Error::bad_request(ID, detail));
    }
    Ok(vec![namespace.to_owned()])
}

/// The name of a node in each domain.
///
/// # Errors
///
/// `bad_request` if it has none.
pub(super) fn instances(service: &Service, node: &Node, domains: &[String]) -> Result<Vec<String>> {
    let in_domain = |domain: &String| {
        let name = format!("{}.{}.{domain}", node.id, service.name);
        if is_name(&node.id) && is_name(&service.name) && is_name(&name) {
            return Ok(name);
        }
        let detail = format!(
            "`{name}` is no name in DNS: at most 63 bytes between dots and 250 in all, no spaces or backslashes"
        );
        Err(Error::bad_request(ID, detail))
    };
    domains.iter().map(in_domain).collect()
}

/// What stands before `.parent.domain` in `name`, for any of the domains.
pub(super) fn child<'a>(name: &'a str, parent: &str, domains: &[String]) -> Option<&'a str> {
    domains.iter().find_map(|domain| {
        let rest = name.strip_suffix(domain.as_str())?.strip_suffix('.')?;
        rest.strip_suffix(parent)?.strip_suffix('.')
    })
}

/// True if DNS has room for it.
pub(super) fn is_name(text: &str) -> bool {
    let is_label = |label: &str| (1..=63).contains(&label.len());
    let is_odd = |one: char| one.is_control() || one.is_whitespace() || one == '\\';
    text.len() <= 250 && text.split('.').all(is_label) && !text.contains(is_odd)
}

#[cfg(test)]
mod tests {
    use super::{child, domains, instances};
    use crate::registry::{Node, Service};

    fn named(name: &str, id: &str) -> crate::error::Result<Vec<String>> {
        let node = Node {
            id: id.to_owned(),
            ..Node::default()
        };
        let service = Service {
            name: name.to_owned(),
            ..Service::default()
        };
        instances(&service, &node, &domains("").unwrap())
    }

    #[test]
    fn a_node_has_a_name_in_both_domains_of_go_micro() {
        let names = named("go.micro.srv", "srv-1").unwrap();

        assert_eq!(
            names,
            ["srv-1.go.micro.srv.micro", "srv-1.go.micro.srv.local"]
        );
    }

    #[test]
    fn a_namespace_is_a_domain_of_its_own() {
        assert_eq!(domains("blue.fleet").unwrap(), ["blue.fleet"]);
    }

    #[test]
    fn what_cannot_be_a_name_is_refused() {
        let long = "a".repeat(64);
        for (name, id) in [("", "a"), ("a b", "a"), ("a..b", "a"), ("a", &*long)] {
            assert_eq!(named(name, id).unwrap_err().code(), 400, "{name} {id}");
        }
        assert_eq!(domains("a\\b").unwrap_err().code(), 400);
    }

    #[test]
    fn an_id_may_have_dots() {
        let name = child("a.b.greeter.local", "greeter", &domains("").unwrap());

        assert_eq!(name, Some("a.b"));
    }

    #[test]
    fn a_name_that_only_ends_alike_is_another() {
        assert_eq!(
            child("a.xgreeter.micro", "greeter", &domains("").unwrap()),
            None
        );
    }
}
