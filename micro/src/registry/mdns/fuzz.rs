//! What the fuzzer drives: records.

use std::collections::BTreeMap;

use super::text::{read, write};

/// Room enough for whatever was read.
const ROOM: usize = 1 << 20;

/// A record that can be read, from properties as they lie in a packet, is the same after it was written.
pub fn text(mut data: &[u8]) {
    let mut properties = BTreeMap::new();
    while let Some((length, rest)) = data.split_first() {
        let Some((one, rest)) = rest.split_at_checked(usize::from(*length)) else {
            break;
        };
        data = rest;
        let at = one.iter().position(|byte| *byte == b'=');
        let (key, value) = one.split_at(at.unwrap_or(one.len()));
        if let Ok(key) = str::from_utf8(key) {
            properties.insert(key, value.get(1..).unwrap_or_default());
        }
    }
    let Ok(found) = read(properties) else { return };
    let [node] = &found.service.nodes[..] else {
        panic!("a record is of one node")
    };
    let Ok(written) = write(&found.service, node, &found.namespace, found.life, ROOM) else {
        // What is longer than this side announces is read all the same.
        return;
    };
    let beat = found.beat.to_string();
    let mut again: BTreeMap<&str, &[u8]> = written
        .iter()
        .map(|one| (one.key(), one.val().unwrap_or_default()))
        .collect();
    again.insert("beat", beat.as_bytes());
    match read(again) {
        Ok(again) => assert_eq!(again.service, found.service),
        // Longer than a hundred pieces hold.
        Err(why) => assert!(written.len() > 100, "{why}"),
    }
}
