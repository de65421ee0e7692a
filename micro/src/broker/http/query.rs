//! The node's id in a path, as Go writes and reads queries.

use std::fmt::Write as _;

/// `path?id=…`.
pub(super) fn write(path: &str, id: &str) -> String {
    let mut text = format!("{path}?id=");
    for byte in id.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                text.push(char::from(byte));
            }
            b' ' => text.push('+'),
            other => {
                // Writing to a text does not fail.
                let _ = write!(text, "%{other:02X}");
            }
        }
    }
    text
}

/// The id in a query; empty if there is none.
pub(super) fn read(query: &str) -> String {
    let given = query.split('&').find_map(|pair| pair.strip_prefix("id="));
    let given = given.unwrap_or_default().as_bytes();
    let mut bytes = Vec::with_capacity(given.len());
    let mut rest = given;
    while let [first, tail @ ..] = rest {
        let escaped = match tail {
            [high, low, ..] if *first == b'%' => hex(*high).zip(hex(*low)),
            _ => None,
        };
        let (byte, length) = match (escaped, *first) {
            (Some((high, low)), _) => (high * 16 + low, 3),
            (None, b'+') => (b' ', 1),
            (None, other) => (other, 1),
        };
        bytes.push(byte);
        rest = &rest[length..];
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop_assert_eq, proptest};

    use super::{read, write};

    #[test]
    fn an_id_is_escaped_as_in_go() {
        assert_eq!(write("/_sub", "a b:c/d-1"), "/_sub?id=a+b%3Ac%2Fd-1");
    }

    proptest! {
        #[test]
        fn any_id_is_read_as_it_was_written(id in any::<String>()) {
            let written = write("/", &id);

            prop_assert_eq!(read(&written["/?".len()..]), id);
        }

        #[test]
        fn no_query_makes_reading_panic(query in any::<String>()) {
            read(&query);
        }
    }
}
