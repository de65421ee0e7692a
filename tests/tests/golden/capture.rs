//! What was captured: whole exchanges, and single messages.

use serde_json::Value;

use crate::raw::Message;

const V0: &str = include_str!("../../golden/exchanges-v0.txt");
const V1: &str = include_str!("../../golden/exchanges-v1.txt");
const OLDER: &str = include_str!("../../golden/older.json");

/// What client and server of one generation said to each other, whole messages in order.
pub struct Exchange {
    pub requests: Vec<Message>,
    pub replies: Vec<Message>,
}

impl Exchange {
    pub fn v0(title: &str) -> Self {
        Self::of(V0, title)
    }

    pub fn v1(title: &str) -> Self {
        Self::of(V1, title)
    }

    fn of(capture: &str, title: &str) -> Self {
        let wanted = format!("=== {title}");
        let mut lines = capture.lines().skip_while(|line| *line != wanted);
        assert!(lines.next().is_some(), "nothing was captured as {title:?}");
        let (mut sent, mut answered) = (Vec::new(), Vec::new());
        for line in lines.take_while(|line| !line.starts_with("===")) {
            let way = match line.get(..3) {
                Some(">> ") => &mut sent,
                Some("<< ") => &mut answered,
                _ => continue,
            };
            let text = &line[3..];
            let quoted = text
                .strip_prefix('"')
                .and_then(|text| text.strip_suffix('"'));
            way.extend(unescape(quoted.unwrap_or(text)));
        }
        Self {
            requests: messages(&sent),
            replies: messages(&answered),
        }
    }
}

fn messages(mut bytes: &[u8]) -> Vec<Message> {
    let mut found = Vec::new();
    while let Some((message, length)) = Message::parse(bytes) {
        found.push(message);
        bytes = &bytes[length..];
    }
    assert!(bytes.is_empty(), "{}", String::from_utf8_lossy(bytes));
    found
}

impl Message {
    /// The bytes that it came as, but for the body's framing.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = format!("{}\r\n", self.start).into_bytes();
        for (name, value) in &self.headers {
            bytes.extend(format!("{name}: {value}\r\n").bytes());
        }
        bytes.extend(b"\r\n");
        match self.get("transfer-encoding") {
            Some(_) => bytes.extend(b"0\r\n\r\n"),
            None => bytes.extend(&self.body),
        }
        bytes
    }
}

/// A single message, by the name that it has in the capture.
pub fn vector(id: &str) -> Value {
    let all: Value = serde_json::from_str(OLDER).unwrap();
    let found = all["vectors"]
        .as_array()
        .unwrap()
        .iter()
        .find(|vector| vector["id"] == id);
    found
        .unwrap_or_else(|| panic!("there is no vector {id}"))
        .clone()
}

pub fn unhex(value: &Value) -> Vec<u8> {
    let hex = value.as_str().unwrap();
    (0..hex.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
        .collect()
}

/// The bytes that Go's quoting stands for.
pub fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let byte = match byte {
            b'\\' => match rest.next().unwrap() {
                b'r' => b'\r',
                b'n' => b'\n',
                b't' => b'\t',
                b'a' => 0x07,
                b'b' => 0x08,
                b'v' => 0x0b,
                b'f' => 0x0c,
                b'x' => {
                    let digits = [rest.next().unwrap(), rest.next().unwrap()];
                    u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
                }
                other => other,
            },
            plain => plain,
        };
        bytes.push(byte);
    }
    bytes
}
