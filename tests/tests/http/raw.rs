//! A peer that knows only bytes, for either end of a connection.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A request with these header lines and this body.
pub fn post(path: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
    )
}

/// One end of a connection.
pub struct Peer {
    stream: TcpStream,
    unread: Vec<u8>,
}

impl Peer {
    /// A connection to a node.
    pub async fn connect(address: &str) -> Self {
        Self::new(TcpStream::connect(address).await.unwrap())
    }

    pub fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            unread: Vec::new(),
        }
    }

    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.unwrap();
    }

    /// The next whole message.
    pub async fn receive(&mut self) -> Message {
        loop {
            if let Some((message, length)) = Message::parse(&self.unread) {
                self.unread.drain(..length);
                return message;
            }
            let count = self.stream.read_buf(&mut self.unread).await.unwrap();
            assert!(
                count > 0,
                "closed after {:?}",
                String::from_utf8_lossy(&self.unread)
            );
        }
    }

    /// The next bytes, so many.
    pub async fn bytes(&mut self, count: usize) -> Vec<u8> {
        while self.unread.len() < count {
            assert!(self.stream.read_buf(&mut self.unread).await.unwrap() > 0);
        }
        self.unread.drain(..count).collect()
    }

    /// Sends one request and waits for its reply.
    pub async fn exchange(&mut self, bytes: impl AsRef<[u8]>) -> Message {
        self.send(bytes).await;
        self.receive().await
    }

    /// Waits until the far end closes; returns what it sent before.
    pub async fn closed(&mut self) -> Vec<u8> {
        // A reset is a close, too.
        while matches!(self.stream.read_buf(&mut self.unread).await, Ok(1..)) {}
        std::mem::take(&mut self.unread)
    }
}

/// A node that speaks only bytes.
pub struct Node(TcpListener);

impl Node {
    pub async fn bind() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    pub fn address(&self) -> String {
        self.0.local_addr().unwrap().to_string()
    }

    pub async fn accept(&self) -> Peer {
        Peer::new(self.0.accept().await.unwrap().0)
    }
}

/// One request or reply.
#[derive(Debug)]
pub struct Message {
    pub start: String,
    /// Names in lower case, in order.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Message {
    /// The first message in `bytes` and its length, if it is whole. Its body has a length or is an empty chunked one.
    pub fn parse(bytes: &[u8]) -> Option<(Self, usize)> {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
        let head = String::from_utf8_lossy(&bytes[..end]);
        let mut lines = head.split("\r\n");
        let start = lines.next()?.to_owned();
        let headers = lines
            .map(|line| {
                let (name, value) = line.split_once(':').unwrap();
                (name.to_lowercase(), value.trim().to_owned())
            })
            .collect();
        let mut message = Self {
            start,
            headers,
            body: Vec::new(),
        };
        let body = end + 4;
        if message.get("transfer-encoding").is_some() {
            return bytes[body..]
                .starts_with(b"0\r\n\r\n")
                .then_some((message, body + 5));
        }
        let length = message
            .get("content-length")
            .map_or(0, |text| text.parse::<usize>().unwrap());
        message.body = bytes.get(body..body + length)?.to_vec();
        Some((message, body + length))
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self
            .headers
            .iter()
            .find(|(own, _)| own.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    pub fn status(&self) -> u16 {
        self.start.split(' ').nth(1).unwrap().parse().unwrap()
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// The body, which is an error.
    pub fn error(&self) -> micro::Error {
        micro::Error::from_wire(self.text())
    }

    /// The error in the head.
    pub fn failure(&self) -> micro::Error {
        micro::Error::from_wire(self.get("micro-error").unwrap())
    }
}
