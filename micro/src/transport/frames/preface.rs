//! What each side sends first: that it speaks frames, in which version, and how much it takes.

use super::Broken;

/// How long a preface is.
pub(super) const LENGTH: usize = 24;

/// The first bytes. No HTTP request and no TLS handshake begins with a byte over 0x7f.
pub(super) const MAGIC: [u8; 6] = *b"\xf5micro";

/// How a port answers to this that takes TLS only.
const TLS_ONLY: &[u8] = b"HTTP/1.1 426 ";

/// The version that this code speaks.
const VERSION: u8 = 1;

/// What one side takes from the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Preface {
    /// How many bytes of a stream's messages may be on their way before the reader asks for more.
    pub(super) stream: u32,
    /// How many bytes of messages that span frames may be, in all.
    pub(super) connection: u32,
    /// The longest message.
    pub(super) message: u32,
    /// How many calls may be in flight.
    pub(super) calls: u32,
}

impl Preface {
    pub(super) fn write(self) -> [u8; LENGTH] {
        let mut bytes = [0; LENGTH];
        bytes[..6].copy_from_slice(&MAGIC);
        bytes[6] = VERSION;
        let numbers = [self.stream, self.connection, self.message, self.calls];
        for (place, number) in bytes[8..].chunks_exact_mut(4).zip(numbers) {
            place.copy_from_slice(&number.to_le_bytes());
        }
        bytes
    }

    pub(super) fn read(bytes: &[u8; LENGTH]) -> Result<Self, Broken> {
        if bytes.starts_with(TLS_ONLY) {
            return Err(Broken::TLS_ONLY);
        }
        if bytes[..6] != MAGIC {
            return Err(Broken("the peer does not speak frames"));
        }
        if bytes[6] != VERSION {
            return Err(Broken("the peer speaks another version of frames"));
        }
        let mut numbers = bytes[8..].chunks_exact(4).map(|four| {
            let mut bytes = [0; 4];
            bytes.copy_from_slice(four);
            u32::from_le_bytes(bytes)
        });
        let mut next = || numbers.next().unwrap_or_default();
        let preface = Self {
            stream: next(),
            connection: next(),
            message: next(),
            calls: next(),
        };
        if preface.stream == 0 || preface.connection == 0 || preface.calls == 0 {
            return Err(Broken("the peer takes nothing"));
        }
        Ok(preface)
    }
}

#[cfg(test)]
mod tests {
    use super::{LENGTH, MAGIC, Preface};

    const SOME: Preface = Preface {
        stream: 1,
        connection: 2,
        message: 3,
        calls: 0x0102_0304,
    };

    #[test]
    fn what_is_written_is_read() {
        assert_eq!(Preface::read(&SOME.write()), Ok(SOME));
    }

    #[test]
    fn the_bytes_are_as_they_are_specified() {
        let bytes = SOME.write();

        assert_eq!(
            bytes,
            *b"\xf5micro\x01\0\x01\0\0\0\x02\0\0\0\x03\0\0\0\x04\x03\x02\x01"
        );
    }

    #[test]
    fn other_protocols_and_versions_are_told_apart() {
        let other = Preface::read(b"GET / HTTP/1.1\r\nHost: ab").unwrap_err();
        let mut newer = SOME.write();
        newer[MAGIC.len()] = 2;
        let newer = Preface::read(&newer).unwrap_err();

        assert_ne!(other, newer);
        assert_eq!(LENGTH, 24);
    }
}
