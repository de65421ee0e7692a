//! The TXT record of a node.
//!
//! `micro` (the version of this form, 1), `ns` (the namespace, if any), `name`, `version`, `id`, `addr`, `life` (for how
//! many seconds the record is good without another), `beat` (grows with each), `gone` (the node leaves), `partial`
//! (some of the endpoints are missing), and `c00`, `c01` …: one JSON object in pieces, see [`Details`].

use std::collections::BTreeMap;
use std::time::Duration;

use mdns_sd::TxtProperty;
use serde::{Deserialize, Serialize};

use super::ID;
use crate::error::{Error, Result};
use crate::registry::{Endpoint, Node, PARTIAL, Service, Value};

/// The longest value of a property: 255 bytes with the longest key, a length byte and an equals sign.
const LONGEST: usize = 240;

/// How many endpoints of a record are read.
const MOST_ENDPOINTS: usize = 512;

/// What is left of the room for `beat`, `gone` and `partial`.
const RESERVED: usize = 64;

/// One node as its owner announces it.
#[derive(Debug)]
pub(super) struct Announcement {
    /// With this one node.
    pub(super) service: Service,
    pub(super) namespace: String,
    pub(super) life: Duration,
    pub(super) beat: u64,
    pub(super) is_gone: bool,
}

/// What does not fit in properties of its own, with short keys: `m` and `n` are the metadata of the service and of the
/// node, `e` the endpoints.
#[derive(Serialize, Deserialize, Default)]
#[serde(default)]
struct Details {
    #[serde(rename = "m", skip_serializing_if = "BTreeMap::is_empty")]
    service: BTreeMap<String, String>,
    #[serde(rename = "n", skip_serializing_if = "BTreeMap::is_empty")]
    node: BTreeMap<String, String>,
    #[serde(rename = "e", skip_serializing_if = "Vec::is_empty")]
    endpoints: Vec<Described>,
}

/// An endpoint; without its types if there is no room for them.
#[derive(Serialize, Deserialize, Default)]
#[serde(default)]
struct Described {
    #[serde(rename = "n")]
    name: String,
    #[serde(rename = "q", skip_serializing_if = "Option::is_none")]
    request: Option<Typed>,
    #[serde(rename = "r", skip_serializing_if = "Option::is_none")]
    response: Option<Typed>,
    #[serde(rename = "m", skip_serializing_if = "BTreeMap::is_empty")]
    metadata: BTreeMap<String, String>,
}

#[derive(Serialize, Deserialize, Default)]
#[serde(default)]
struct Typed {
    #[serde(rename = "n")]
    name: String,
    #[serde(rename = "t")]
    kind: String,
    #[serde(rename = "v", skip_serializing_if = "Vec::is_empty")]
    values: Vec<Typed>,
}

/// The properties of `node`, all but `beat` and `gone`, in at most `room` bytes.
///
/// What does not fit is left out: first the types of all endpoints, then endpoints, the last ones first.
pub(super) fn write(
    service: &Service,
    node: &Node,
    namespace: &str,
    life: Duration,
    room: usize,
) -> Result<Vec<TxtProperty>> {
    let life = life.as_secs().to_string();
    let mut properties = Vec::new();
    for (key, value) in [
        ("micro", "1"),
        ("ns", namespace),
        ("name", &service.name),
        ("version", &service.version),
        ("id", &node.id),
        ("addr", &node.address),
        ("life", &life),
    ] {
        if value.len() > LONGEST || value.contains(char::is_control) {
            let detail = format!(
                "`{key}` of {} does not fit in an mDNS record: at most {LONGEST} bytes and no control characters",
                node.id
            );
            return Err(Error::bad_request(ID, detail));
        }
        if !value.is_empty() {
            properties.push(TxtProperty::from((key, value)));
        }
    }
    let room = room.saturating_sub(RESERVED + size(&properties));
    let (details, is_partial) = fitting(service, node, room)?;
    if is_partial {
        properties.push(TxtProperty::from(("partial", "1")));
    }
    let pieces = details.chunks(LONGEST).enumerate();
    properties.extend(pieces.map(|(n, piece)| TxtProperty::from((format!("c{n:02}"), piece))));
    Ok(properties)
}

fn size(properties: &[TxtProperty]) -> usize {
    let length = |one: &TxtProperty| 2 + one.key().len() + one.val().map_or(0, <[u8]>::len);
    properties.iter().map(length).sum()
}

/// As much of the details as fits in `room` with its keys, and whether something is missing.
fn fitting(service: &Service, node: &Node, room: usize) -> Result<(Vec<u8>, bool)> {
    let mut details = Details {
        service: service.metadata.clone(),
        node: node.metadata.clone(),
        endpoints: service.endpoints.iter().map(Described::from).collect(),
    };
    let fits = |text: &[u8]| text.len() + 5 * text.len().div_ceil(LONGEST) <= room;
    let text = json(&details)?;
    if fits(&text) {
        return Ok((text, false));
    }
    for endpoint in &mut details.endpoints {
        endpoint.request = None;
        endpoint.response = None;
    }
    loop {
        let text = json(&details)?;
        if fits(&text) {
            return Ok((text, true));
        }
        if details.endpoints.is_empty() {
            let detail = format!(
                "the metadata of {} does not fit in an mDNS record: {} bytes, {room} are left",
                node.id,
                text.len()
            );
            return Err(Error::bad_request(ID, detail));
        }
        let kept = details.endpoints.len() * 7 / 8;
        details.endpoints.truncate(kept);
    }
}

fn json(details: &Details) -> Result<Vec<u8>> {
    serde_json::to_vec(details)
        .map_err(|error| Error::internal(ID, "a record cannot be written").with_source(error))
}

/// Reads a record, or says what is wrong with it.
pub(super) fn read(properties: BTreeMap<&str, &[u8]>) -> Result<Announcement, &'static str> {
    let fields = Fields(properties);
    if fields.word("micro")? != "1" {
        return Err("it is not in this version's form");
    }
    let mut details = fields.details()?;
    let is_partial = fields.0.contains_key("partial") || details.endpoints.len() > MOST_ENDPOINTS;
    details.endpoints.truncate(MOST_ENDPOINTS);
    if is_partial {
        details.node.insert(PARTIAL.to_owned(), "true".to_owned());
    }
    let node = Node {
        id: fields.required("id", "it has no id")?,
        address: fields.required("addr", "it has no address")?,
        metadata: details.node,
    };
    let life = fields
        .number("life")
        .filter(|life| (1..=300).contains(life));
    Ok(Announcement {
        service: Service {
            name: fields.required("name", "it has no name")?,
            version: fields.word("version")?.to_owned(),
            metadata: details.service,
            endpoints: details.endpoints.into_iter().map(Endpoint::from).collect(),
            nodes: vec![node],
        },
        namespace: fields.word("ns")?.to_owned(),
        life: Duration::from_secs(life.ok_or("it has no life of 1 to 300 s")?),
        beat: fields.number("beat").ok_or("it has no beat")?,
        is_gone: fields.0.contains_key("gone"),
    })
}

struct Fields<'a>(BTreeMap<&'a str, &'a [u8]>);

impl<'a> Fields<'a> {
    /// Empty if it is missing.
    fn word(&self, key: &str) -> Result<&'a str, &'static str> {
        let word = self.0.get(key).copied().unwrap_or_default();
        let word = str::from_utf8(word).map_err(|_| "it is not in UTF-8")?;
        if word.contains(char::is_control) {
            return Err("it has control characters");
        }
        Ok(word)
    }

    fn required(&self, key: &str, missing: &'static str) -> Result<String, &'static str> {
        match self.word(key)? {
            "" => Err(missing),
            word => Ok(word.to_owned()),
        }
    }

    fn number(&self, key: &str) -> Option<u64> {
        self.word(key).ok()?.parse().ok()
    }

    fn details(&self) -> Result<Details, &'static str> {
        let pieces = (0..100).map_while(|n| self.0.get(format!("c{n:02}").as_str()));
        let text = pieces.copied().collect::<Vec<_>>().concat();
        serde_json::from_slice(&text).map_err(|_| "its details are no JSON object")
    }
}

impl From<&Endpoint> for Described {
    fn from(endpoint: &Endpoint) -> Self {
        Self {
            name: endpoint.name.clone(),
            request: endpoint.request.as_ref().map(Typed::from),
            response: endpoint.response.as_ref().map(Typed::from),
            metadata: endpoint.metadata.clone(),
        }
    }
}

impl From<Described> for Endpoint {
    fn from(described: Described) -> Self {
        Self {
            name: described.name,
            request: described.request.map(Value::from),
            response: described.response.map(Value::from),
            metadata: described.metadata,
        }
    }
}

impl From<&Value> for Typed {
    fn from(value: &Value) -> Self {
        Self {
            name: value.name.clone(),
            kind: value.kind.clone(),
            values: value.values.iter().map(Self::from).collect(),
        }
    }
}

impl From<Typed> for Value {
    fn from(typed: Typed) -> Self {
        Self {
            name: typed.name,
            kind: typed.kind,
            values: typed.values.into_iter().map(Self::from).collect(),
        }
    }
}
