//! Who is at the other end of a connection.
//!
//! Made where connections are accepted, handed on with each call to the handler's context.

use std::fmt;
use std::sync::Arc;

/// A caller: where it is, and who it has proven to be. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Peer(Arc<Inner>);

#[derive(PartialEq, Eq, Hash)]
struct Inner {
    address: String,
    names: Vec<String>,
}

impl Peer {
    /// A caller at `address` that has proven nothing.
    pub fn new(address: impl Into<String>) -> Self {
        Self::proven(address, Vec::new())
    }

    /// A caller at `address` that has proven to be each of `names`.
    pub fn proven(address: impl Into<String>, names: Vec<String>) -> Self {
        let address = address.into();
        Self(Arc::new(Inner { address, names }))
    }

    /// Where it is, such as `127.0.0.1:40212`.
    pub fn address(&self) -> &str {
        &self.0.address
    }

    /// The DNS names and URIs in its certificate, which was verified; none without
    /// [mutual TLS](crate::securing#mutual-tls).
    pub fn names(&self) -> &[String] {
        &self.0.names
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.address())
    }
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_tuple("Peer");
        shown.field(&self.0.address);
        if !self.names().is_empty() {
            shown.field(&self.0.names);
        }
        shown.finish()
    }
}
