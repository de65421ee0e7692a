//! The TXT record of a node: JSON, deflated as zlib does, in hexadecimal digits, cut into strings.

use std::collections::BTreeMap;
use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use serde::{Deserialize, Serialize};

use super::ID;
use crate::error::{Error, Result};
use crate::registry::record::null_as_default;
use crate::registry::{Endpoint, Node, PARTIAL, Service};

/// How long one string of a TXT record may be.
const PIECE: usize = 255;

/// How large the JSON of a record may be: more is not inflated, and many are remembered.
const MOST: usize = 128 << 10;

/// How many endpoints of a record are read.
const MOST_ENDPOINTS: usize = 512;

/// What go-micro puts in the record. It ignores the last key, which is ours.
#[derive(Serialize, Deserialize, Default)]
#[serde(default, rename_all = "PascalCase")]
struct Text {
    service: String,
    version: String,
    #[serde(deserialize_with = "null_as_default")]
    endpoints: Vec<Endpoint>,
    /// Of the node.
    #[serde(deserialize_with = "null_as_default")]
    metadata: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    service_metadata: BTreeMap<String, String>,
}

/// The strings that describe `node`, of at most `room` bytes.
///
/// What does not fit is left out: first the types of all endpoints, then endpoints, the last ones first.
pub(super) fn write(service: &Service, node: &Node, room: usize) -> Result<Vec<String>> {
    let mut text = Text {
        service: service.name.clone(),
        version: service.version.clone(),
        endpoints: service.endpoints.clone(),
        metadata: node.metadata.clone(),
        service_metadata: service.metadata.clone(),
    };
    let mut packed = fitting(&text, room)?;
    if packed.is_none() {
        text.metadata.insert(PARTIAL.to_owned(), "true".to_owned());
        for endpoint in &mut text.endpoints {
            endpoint.request = None;
            endpoint.response = None;
        }
        packed = fitting(&text, room)?;
    }
    let packed = loop {
        if let Some(packed) = packed {
            break packed;
        }
        if text.endpoints.is_empty() {
            let detail = format!("the metadata of {} does not fit in an mDNS record", node.id);
            return Err(Error::bad_request(ID, detail));
        }
        let kept = text.endpoints.len() * 7 / 8;
        text.endpoints.truncate(kept);
        packed = fitting(&text, room)?;
    };
    let pieces = packed.as_bytes().chunks(PIECE);
    Ok(pieces
        .map(|piece| String::from_utf8_lossy(piece).into_owned())
        .collect())
}

/// The service, without nodes, and the node's metadata; or what is wrong.
pub(super) fn read(packed: &[u8]) -> Result<(Service, BTreeMap<String, String>), &'static str> {
    let json = unpack(packed)?;
    let text: Text = serde_json::from_slice(&json).map_err(|_| "it is not in go-micro's form")?;
    let Text {
        service: name,
        version,
        mut endpoints,
        mut metadata,
        service_metadata,
    } = text;
    if endpoints.len() > MOST_ENDPOINTS {
        endpoints.truncate(MOST_ENDPOINTS);
        metadata.insert(PARTIAL.to_owned(), "true".to_owned());
    }
    let service = Service {
        name,
        version,
        metadata: service_metadata,
        endpoints,
        nodes: Vec::new(),
    };
    Ok((service, metadata))
}

/// The digits of `text`; `None` if they do not fit in `room` bytes of strings, or if it is larger than what is read.
fn fitting(text: &Text, room: usize) -> Result<Option<String>> {
    let json = json(text)?;
    if json.len() > MOST {
        return Ok(None);
    }
    let packed = pack(&json)?;
    let fits = packed.len() + packed.len().div_ceil(PIECE) <= room;
    Ok(fits.then_some(packed))
}

fn failed(error: std::io::Error) -> Error {
    Error::internal(ID, "a record cannot be written").with_source(error)
}

fn json(text: &impl Serialize) -> Result<Vec<u8>> {
    serde_json::to_vec(text).map_err(|error| failed(error.into()))
}

pub(super) fn pack(json: &[u8]) -> Result<String> {
    let mut deflated = ZlibEncoder::new(Vec::new(), Compression::default());
    deflated.write_all(json).map_err(failed)?;
    let bytes = deflated.finish().map_err(failed)?;
    let mut digits = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        for half in [byte >> 4, byte & 0xf] {
            digits.extend(char::from_digit(half.into(), 16));
        }
    }
    Ok(digits)
}

fn unpack(digits: &[u8]) -> Result<Vec<u8>, &'static str> {
    let (pairs, []) = digits.as_chunks::<2>() else {
        return Err("half a byte is missing");
    };
    let half = |digit: u8| char::from(digit).to_digit(16);
    let byte = |pair: &[u8; 2]| u8::try_from(half(pair[0])? * 16 + half(pair[1])?).ok();
    let bytes: Option<Vec<u8>> = pairs.iter().map(byte).collect();
    let bytes = bytes.ok_or("it is not in hexadecimal digits")?;
    let mut json = Vec::new();
    let mut inflated = ZlibDecoder::new(&*bytes).take(MOST as u64 + 1);
    let read = inflated.read_to_end(&mut json);
    read.map_err(|_| "it cannot be inflated")?;
    if json.len() > MOST {
        return Err("it is too large");
    }
    Ok(json)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{MOST, Text, ZlibEncoder, json, pack, read, unpack, write};
    use crate::registry::mdns_go::golden::vector;
    use crate::registry::{Endpoint, Node, PARTIAL, Service, Value};

    const ROOM: usize = 60_000;

    fn service(endpoints: usize) -> (Service, Node) {
        let typed = |number: usize| Value {
            name: format!("Request{number}"),
            kind: format!("Type{:x}", number * 7_919),
            values: Vec::new(),
        };
        let endpoint = |number| Endpoint {
            name: format!("Greeter.Hello{number}"),
            request: Some(typed(number)),
            ..Endpoint::default()
        };
        let node = Node {
            id: "one".to_owned(),
            metadata: [("protocol".to_owned(), "mucp".to_owned())].into(),
            ..Node::default()
        };
        let service = Service {
            name: "greeter".to_owned(),
            version: "1".to_owned(),
            metadata: [("zone".to_owned(), "a".to_owned())].into(),
            endpoints: (0..endpoints).map(endpoint).collect(),
            nodes: Vec::new(),
        };
        (service, node)
    }

    #[test]
    fn what_is_written_is_read_as_it_was() {
        let (service, node) = service(20);

        let pieces = write(&service, &node, ROOM).unwrap();

        let read = read(pieces.concat().as_bytes()).unwrap();
        assert!(pieces.len() > 1 && pieces.iter().all(|piece| piece.len() <= 255));
        assert_eq!(read, (service, node.metadata));
    }

    /// The digits of a captured record, and the JSON that is in it.
    fn captured(id: &str) -> (String, serde_json::Value) {
        let vector = vector(id);
        let digits = vector["hex_text"].as_str().unwrap().to_owned();
        let json = match vector["json"].as_str() {
            Some(json) => serde_json::from_str(json).unwrap(),
            None => vector["json_value"].clone(),
        };
        (digits, json)
    }

    #[test]
    fn a_record_of_go_micro_is_inflated_to_its_json() {
        for id in ["mdns-txt", "mdns-txt-small"] {
            let (digits, captured) = captured(id);

            let json = unpack(digits.as_bytes()).unwrap();

            let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
            assert_eq!(json, captured, "{id}");
        }
    }

    // go-micro writes a list that has nothing in it as null, we as a list: the same to both.
    #[test]
    fn a_record_of_go_micro_is_written_as_it_was_read() {
        for id in ["mdns-txt", "mdns-txt-small"] {
            let (digits, captured) = captured(id);
            let (service, metadata) = read(digits.as_bytes()).unwrap();
            let node = Node {
                metadata,
                ..Node::default()
            };

            let ours = write(&service, &node, ROOM).unwrap().concat();

            let ours = String::from_utf8(unpack(ours.as_bytes()).unwrap()).unwrap();
            let ours: serde_json::Value = serde_json::from_str(&ours).unwrap();
            let captured = captured.to_string().replace("null", "[]");
            assert_eq!(ours.to_string(), captured, "{id}");
        }
    }

    #[test]
    fn endpoints_that_do_not_fit_are_left_out_and_missed() {
        let (service, node) = service(500);

        let pieces = write(&service, &node, 2000).unwrap();

        let (read, metadata) = read(pieces.concat().as_bytes()).unwrap();
        assert!((1..500).contains(&read.endpoints.len()));
        assert_eq!(metadata[PARTIAL], "true");
    }

    #[test]
    fn no_record_is_written_that_is_too_large_to_be_read() {
        let (mut service, node) = service(100);
        let large = Value {
            name: "a".repeat(MOST / 2),
            ..Value::default()
        };
        service.endpoints[99].request = Some(large.clone());
        service.endpoints[98].response = Some(large);

        let pieces = write(&service, &node, ROOM).unwrap();

        assert!(read(pieces.concat().as_bytes()).is_ok());
    }

    #[test]
    fn metadata_that_does_not_fit_is_an_error() {
        let (service, mut node) = service(1);
        let long = (0..2000).map(|n| format!("{:x}", n * 7_919)).collect();
        node.metadata.insert("long".to_owned(), long);

        let error = write(&service, &node, 1000).unwrap_err();

        assert_eq!(error.code(), 400);
    }

    #[test]
    fn a_text_that_inflates_without_end_is_refused() {
        let text = Text {
            version: " ".repeat(MOST),
            ..Text::default()
        };

        let read = read(pack(&json(&text).unwrap()).unwrap().as_bytes());

        assert_eq!(read.unwrap_err(), "it is too large");
    }

    #[test]
    fn nulls_of_go_are_read_as_empty() {
        use std::io::Write;
        let mut deflated = ZlibEncoder::new(Vec::new(), super::Compression::default());
        let json = br#"{"Service":"a","Version":"1","Endpoints":null,"Metadata":null}"#;
        deflated.write_all(json).unwrap();
        let bytes = deflated.finish().unwrap();
        let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();

        let (service, metadata) = read(digits.as_bytes()).unwrap();

        assert!(service.endpoints.is_empty() && metadata.is_empty());
    }

    proptest! {
        #[test]
        fn no_text_makes_reading_panic(text: Vec<u8>) {
            let _ = read(&text);
        }

        #[test]
        fn no_digits_make_reading_panic(digits in "(789c)?[0-9a-f]{0,400}") {
            let _ = unpack(digits.as_bytes());
        }
    }
}
