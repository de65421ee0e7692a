//! Bounds of what comes from the network; every carrier keeps the same ones.

use std::time::Duration;

/// What may pass, and how long it may take. All bounds hold for both ends.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// The size of one message or stream item, in bytes. Default 4 MiB; set by `--max_message`.
    pub message: usize,
    /// The size of a header block, in bytes. Default 64 KiB.
    pub head: usize,
    /// How long a head may take to arrive. Default 5 s.
    pub head_timeout: Duration,
    /// How fast a message must arrive, and be taken, on average once `head_timeout` has passed, in bytes a second.
    /// Default 16 KiB.
    pub body_rate: usize,
    /// How long a server keeps a connection that idles; a client keeps it half as long, so as not to call on
    /// one that is being closed. Default 60 s.
    pub idle_timeout: Duration,
    /// How long a server takes calls on one connection before it has the client open another, so that callers spread
    /// over nodes that come later; up to a tenth less, so that not all do at once. What is in flight is finished.
    /// Default 0, which is for ever; set by `--max_connection_age`.
    pub connection_age: Duration,
    /// How long a server that drains keeps connections that idle, for calls that are on their way. Default 1 s.
    pub linger: Duration,
    /// How long connecting may take, if half of the time that the call has left is not less. Default 5 s.
    pub connect_timeout: Duration,
    /// How many calls may be in flight on one connection of frames. Default 1,024.
    pub calls: usize,
    /// How many of them may be streams. Default 256.
    pub streams: usize,
    /// How many connections a server keeps open. Default 16,384.
    pub connections: usize,
    /// How many connections a client keeps open to one node. Default 100, as go-micro's pool.
    pub pool: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message: 4 << 20,
            head: 64 << 10,
            head_timeout: Duration::from_secs(5),
            body_rate: 16 << 10,
            idle_timeout: Duration::from_secs(60),
            connection_age: Duration::ZERO,
            linger: Duration::from_secs(1),
            connect_timeout: Duration::from_secs(5),
            calls: 1024,
            streams: 256,
            connections: 16_384,
            pool: 100,
        }
    }
}
