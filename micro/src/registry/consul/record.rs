//! Nodes as Consul has them, in go-micro's form: what Consul has no field for is in tags.
//!
//! A tag is a letter, a dash, and the lower-case hex of a zlib stream: `v-` the version, `t-` one pair of the node's metadata,
//! `e-` one endpoint, and, of ours alone, `s-` the service's metadata. Older ones are plain text behind `v=` and its kin.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::time::Duration;

use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use serde::{Deserialize, Serialize};

use crate::address;
use crate::registry::{Endpoint, Node, Service};

/// How large the text of a tag may be: more is not inflated.
const MOST: u64 = 1 << 20;

/// The least time after which Consul forgets a node that says nothing, and what is added to it.
const FORGETS: Duration = Duration::from_secs(60);
const LATER: Duration = Duration::from_secs(5);

/// What announces a node: the body of `/v1/agent/service/register`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Registered {
    #[serde(rename = "ID")]
    id: String,
    name: String,
    tags: Vec<String>,
    address: String,
    port: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    check: Option<Check>,
}

#[derive(Serialize)]
struct Check {
    #[serde(rename = "TTL")]
    ttl: String,
    #[serde(rename = "DeregisterCriticalServiceAfter")]
    forgets: String,
    /// Watchers are not to see a node go that is only changed.
    #[serde(rename = "Status")]
    status: &'static str,
}

impl Registered {
    pub(super) fn new(name: String, service: &Service, node: &Node, ttl: Option<Duration>) -> Self {
        let pairs = node.metadata.iter();
        let json =
            |value: &dyn erased_serde::Serialize| serde_json::to_string(value).unwrap_or_default();
        let mut tags: Vec<String> = pairs
            .map(|(name, value)| tag('t', &json(&BTreeMap::from([(name, value)]))))
            .chain(
                service
                    .endpoints
                    .iter()
                    .map(|endpoint| tag('e', &json(endpoint))),
            )
            .collect();
        if !service.metadata.is_empty() {
            tags.push(tag('s', &json(&service.metadata)));
        }
        tags.push(tag('v', &service.version));
        let (host, port) = node.address.rsplit_once(':').unwrap_or((&node.address, ""));
        let host = host.trim_start_matches('[').trim_end_matches(']');
        Self {
            id: node.id.clone(),
            name,
            tags,
            address: host.to_owned(),
            port: port.parse().unwrap_or_default(),
            check: ttl.map(|ttl| Check {
                ttl: text(ttl),
                forgets: text(ttl.max(FORGETS).saturating_add(LATER)),
                status: "passing",
            }),
        }
    }
}

/// A node as `/v1/health/service/NAME` has it.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Found {
    node: Host,
    service: Instance,
    #[serde(default)]
    checks: Vec<State>,
}

#[derive(Deserialize)]
struct Host {
    #[serde(rename = "Address")]
    address: String,
}

#[derive(Deserialize)]
struct Instance {
    #[serde(rename = "ID")]
    id: String,
    #[serde(rename = "Tags", default)]
    tags: Option<Vec<String>>,
    #[serde(rename = "Address", default)]
    address: String,
    #[serde(rename = "Port", default)]
    port: u16,
}

#[derive(Deserialize)]
struct State {
    #[serde(rename = "Status")]
    status: String,
}

impl Found {
    /// The record of the node, or, of one that is not well, of its service without it.
    pub(super) fn into_record(self, name: &str) -> Service {
        let tags = self.service.tags.unwrap_or_default();
        let host = match self.service.address.is_empty() {
            true => &self.node.address,
            false => &self.service.address,
        };
        let mut node = Node {
            id: self.service.id,
            address: address::join(host, self.service.port),
            metadata: BTreeMap::new(),
        };
        for pairs in all(&tags, 't') {
            node.metadata.extend(
                serde_json::from_str::<BTreeMap<String, String>>(&pairs).unwrap_or_default(),
            );
        }
        let endpoints =
            all(&tags, 'e').filter_map(|text| serde_json::from_str::<Endpoint>(&text).ok());
        let is_well = self.checks.iter().all(|check| check.status != "critical");
        Service {
            name: name.to_owned(),
            version: all(&tags, 'v').next().unwrap_or_default(),
            metadata: all(&tags, 's')
                .next()
                .and_then(|text| serde_json::from_str(&text).ok())
                .unwrap_or_default(),
            endpoints: endpoints.collect(),
            nodes: if is_well { vec![node] } else { Vec::new() },
        }
    }
}

/// The versions that `tags`, of all nodes of a service, name; an empty one if none does.
pub(super) fn versions(tags: &[String]) -> Vec<String> {
    let mut versions: Vec<_> = all(tags, 'v').collect();
    if versions.is_empty() {
        versions.push(String::new());
    }
    versions
}

fn tag(kind: char, text: &str) -> String {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    // Memory takes all that is written.
    let deflated = encoder
        .write_all(text.as_bytes())
        .and_then(|()| encoder.finish());
    let hex: String = deflated
        .unwrap_or_default()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("{kind}-{hex}")
}

/// The texts of the tags of that kind.
fn all(tags: &[String], kind: char) -> impl Iterator<Item = String> + '_ {
    tags.iter().filter_map(move |tag| {
        let rest = tag.strip_prefix(kind)?;
        match rest.strip_prefix('-') {
            Some(hex) => inflated(hex),
            None => rest.strip_prefix('=').map(str::to_owned),
        }
    })
}

/// `None` if it is not of this form: tags are anybody's.
fn inflated(hex: &str) -> Option<String> {
    let digits = hex.as_bytes().chunks(2);
    let bytes: Option<Vec<u8>> = digits
        .map(|two| u8::from_str_radix(str::from_utf8(two).ok()?, 16).ok())
        .collect();
    let (bytes, mut text) = (bytes?, String::new());
    let mut decoder = ZlibDecoder::new(&*bytes).take(MOST);
    decoder.read_to_string(&mut text).ok()?;
    Some(text)
}

/// A time as Go writes it, such as `1m5s`.
fn text(time: Duration) -> String {
    if time.subsec_nanos() > 0 && time < Duration::from_secs(60) {
        return format!("{}ms", time.as_millis().max(1));
    }
    let seconds = time.as_secs() + u64::from(time.subsec_nanos() > 0);
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes) {
        (0, 0) => format!("{seconds}s"),
        (0, _) => format!("{minutes}m{seconds}s"),
        _ => format!("{hours}h{minutes}m{seconds}s"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::Value;

    use super::{Endpoint, Found, Node, Registered, Service, all, inflated, text};

    fn vector(id: &str) -> Value {
        let captured: Value =
            serde_json::from_str(include_str!("../../../../tests/golden/registry.json")).unwrap();
        let vectors = captured["vectors"].as_array().unwrap();
        vectors.iter().find(|one| one["id"] == id).unwrap().clone()
    }

    fn tags(value: &Value) -> Vec<String> {
        serde_json::from_value(value.clone()).unwrap()
    }

    #[test]
    fn tags_of_go_micro_are_inflated_to_their_texts() {
        for id in [
            "consul-tag-endpoint",
            "consul-tag-metadata",
            "consul-tag-version",
        ] {
            let vector = vector(id);
            let tag = vector["tag"].as_str().unwrap();
            assert_eq!(
                inflated(&tag[2..]).unwrap(),
                vector["inflated"].as_str().unwrap()
            );
        }
    }

    #[test]
    fn a_node_is_registered_as_go_micro_does() {
        let captured = vector("consul-register-v0")["body"].clone();
        let endpoint = all(&tags(&captured["Tags"]), 'e').next().unwrap();
        let service = Service {
            version: "1.0.0".to_owned(),
            endpoints: vec![serde_json::from_str::<Endpoint>(&endpoint).unwrap()],
            ..Service::default()
        };
        let node = Node {
            id: "greeter-id1".to_owned(),
            address: "10.0.0.1:8080".to_owned(),
            metadata: [("transport".to_owned(), "http".to_owned())].into(),
        };

        let ours = Registered::new(
            "greeter".to_owned(),
            &service,
            &node,
            Some(Duration::from_secs(60)),
        );

        let ours = serde_json::to_value(ours).unwrap();
        for name in ["ID", "Name", "Address", "Port"] {
            assert_eq!(ours[name], captured[name]);
        }
        for name in ["TTL", "DeregisterCriticalServiceAfter"] {
            assert_eq!(ours["Check"][name], captured["Check"][name]);
        }
        let texts = |value: &Value, kind| all(&tags(&value["Tags"]), kind).collect::<Vec<_>>();
        for kind in ['t', 'v'] {
            assert_eq!(texts(&ours, kind), texts(&captured, kind));
        }
        let read = |value| serde_json::from_str::<Endpoint>(&texts(value, 'e')[0]).unwrap();
        assert_eq!(read(&ours), read(&captured));
    }

    #[test]
    fn times_are_written_as_go_does() {
        for case in vector("consul-check-durations")["cases"]
            .as_array()
            .unwrap()
        {
            let ttl = Duration::from_secs(case["ttl_seconds"].as_u64().unwrap());
            let ours = Registered::new(
                String::new(),
                &Service::default(),
                &Node::default(),
                Some(ttl),
            );
            let ours = serde_json::to_value(ours).unwrap();
            for name in ["TTL", "DeregisterCriticalServiceAfter"] {
                assert_eq!(ours["Check"][name], case[name]);
            }
        }
        assert_eq!(text(Duration::from_millis(1500)), "1500ms");
    }

    #[test]
    fn a_node_of_ja_micro_is_read() {
        let vector = vector("ja-consul-register");
        let body = &vector["body"];
        let found = serde_json::json!({
            "Node": { "Address": "10.0.0.9" },
            "Service": body,
            "Checks": [{ "Status": "passing" }],
        });

        let record = serde_json::from_value::<Found>(found)
            .unwrap()
            .into_record("com.acme.greeter");

        assert_eq!(record.version, vector["version"].as_str().unwrap());
        assert_eq!(record.nodes[0].address, "10.0.0.2:8080");
        let metadata = serde_json::to_value(&record.nodes[0].metadata).unwrap();
        assert_eq!(metadata, vector["decoded_metadata"]);
    }

    #[test]
    fn a_service_of_others_has_no_tags_and_the_address_of_its_host() {
        let found = serde_json::json!({
            "Node": { "Address": "10.0.0.9" },
            "Service": { "ID": "db-1", "Port": 5432, "Tags": null },
        });

        let record = serde_json::from_value::<Found>(found)
            .unwrap()
            .into_record("db");

        assert_eq!(record.nodes[0].address, "10.0.0.9:5432");
    }

    #[test]
    fn a_tag_that_inflates_without_end_is_read_no_further() {
        let bomb = super::tag('v', &"a".repeat(2 << 20));

        assert!(inflated(&bomb[2..]).unwrap().len() <= 1 << 20);
    }
}
