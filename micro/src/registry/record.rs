//! What a registry holds: services, their nodes and endpoints, in go-micro's form.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::address;

/// The key in a node's metadata that says that its record lacks endpoints, or their types, for want of room.
pub const PARTIAL: &str = "partial";

/// One version of a service and the nodes that run it.
///
/// Its JSON form is go-micro's (v1.8 and later): every key is written, missing ones read as empty.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Service {
    /// The name by which it is called, such as `greeter`.
    pub name: String,
    /// The version, such as `1.0.0`.
    pub version: String,
    /// Facts about the service.
    #[serde(deserialize_with = "null_as_default")]
    pub metadata: BTreeMap<String, String>,
    /// What may be called on it.
    #[serde(deserialize_with = "null_as_default")]
    pub endpoints: Vec<Endpoint>,
    /// Where it runs.
    #[serde(deserialize_with = "null_as_default")]
    pub nodes: Vec<Node>,
}

/// One running instance of a service.
///
/// Records of go-micro before v1.8 have the port apart from the host; they are read, too.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "Written")]
pub struct Node {
    /// Unique among all nodes: the service's name, a dash, the server's id.
    pub id: String,
    /// `host:port`.
    pub address: String,
    /// Facts about the node, such as `protocol`, `transport` and `broker`.
    pub metadata: BTreeMap<String, String>,
}

/// A node as any generation writes it.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Written {
    id: String,
    address: String,
    port: u16,
    #[serde(deserialize_with = "null_as_default")]
    metadata: BTreeMap<String, String>,
}

impl From<Written> for Node {
    fn from(written: Written) -> Self {
        let Written {
            id,
            mut address,
            port,
            metadata,
        } = written;
        if port != 0 {
            address = address::join(&address, port);
        }
        Self {
            id,
            address,
            metadata,
        }
    }
}

/// One thing that may be called, or a topic that is listened to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Endpoint {
    /// The name, such as `Greeter.Hello`.
    pub name: String,
    /// The type of the request, as far as it is known.
    pub request: Option<Value>,
    /// The type of the reply, as far as it is known.
    pub response: Option<Value>,
    /// Facts about the endpoint: `stream`, `idempotent`, `timeout`, `blocking`, `content_types`, `description`,
    /// and for subscribers `subscriber` and `topic`.
    #[serde(deserialize_with = "null_as_default")]
    pub metadata: BTreeMap<String, String>,
}

/// A type: its fields are values too.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Value {
    /// The name of the field, or of the message.
    pub name: String,
    /// The name of the type, such as `string` or `[]Order`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The fields, if the type has any.
    #[serde(deserialize_with = "null_as_default")]
    pub values: Vec<Value>,
}

/// A node of `service` of which nothing is known but where it is.
pub(super) fn bare(service: &str, address: String) -> Node {
    Node {
        id: format!("{service}-{address}"),
        address,
        metadata: [(PARTIAL.to_owned(), "1".to_owned())].into(),
    }
}

/// Go writes nil lists and maps as `null`.
pub(super) fn null_as_default<'de, D: serde::Deserializer<'de>, T: Default + Deserialize<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// One record for each service and version, in order, of records of one node each.
pub(super) fn by_version<'a>(nodes: impl Iterator<Item = &'a Service>) -> Vec<Service> {
    let mut services = BTreeMap::<_, Service>::new();
    for service in nodes {
        let key = (service.name.clone(), service.version.clone());
        match services.get_mut(&key) {
            None => {
                services.insert(key, service.clone());
            }
            Some(whole) => {
                whole.nodes.extend_from_slice(&service.nodes);
                // One of them may be partial.
                if whole.endpoints.len() < service.endpoints.len() {
                    whole.endpoints.clone_from(&service.endpoints);
                }
            }
        }
    }
    let mut services = services.into_values().collect::<Vec<_>>();
    for service in &mut services {
        service
            .nodes
            .sort_unstable_by(|one, other| one.id.cmp(&other.id));
    }
    services
}

#[cfg(test)]
mod tests {
    use super::Service;

    #[test]
    fn nulls_of_go_are_read_as_empty() {
        let service: Service = serde_json::from_str(
            r#"{"name":"a","version":"1","metadata":null,"endpoints":null,"nodes":null}"#,
        )
        .unwrap();

        assert!(service.endpoints.is_empty() && service.nodes.is_empty());
    }
}
