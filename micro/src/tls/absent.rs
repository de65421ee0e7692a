//! TLS that is not compiled in: nothing can be secured, and who asks for it is told.

use std::convert::Infallible;
use std::error::Error as StdError;
use std::io;

use tokio::net::TcpStream;

use super::ends::ID;
use super::{Protocol, Stream, Tls};
use crate::error::{Error, Result};

#[derive(Debug)]
pub(super) struct Connector(Infallible);

impl Connector {
    pub(super) fn open(_: &Tls) -> Result<Self> {
        Err(absent())
    }

    pub(super) async fn connect(&self, _: TcpStream, _: &str, _: Protocol) -> io::Result<Stream> {
        match self.0 {}
    }
}

#[derive(Debug)]
pub(crate) struct Acceptor(Infallible);

impl Acceptor {
    pub(super) fn open(_: &Tls, _: &'static [Protocol]) -> Result<Self> {
        Err(absent())
    }

    pub(crate) async fn accept(&self, _: TcpStream) -> io::Result<(Stream, Vec<String>)> {
        match self.0 {}
    }
}

fn absent() -> Error {
    let detail = "--tls needs TLS: build with the feature `tls` of micro";
    Error::bad_request(ID, detail)
}

pub(crate) fn words(error: &io::Error, _: &str) -> String {
    error.to_string()
}

pub(crate) fn refusal(_: &(dyn StdError + 'static)) -> Option<String> {
    None
}
