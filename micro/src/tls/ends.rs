//! What whoever listens or dials holds, made of what is wanted.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::Arc;

use tokio::net::TcpStream;

use super::secured::{Acceptor, Connector};
use super::{Protocol, SECURE, Stream, Tls};
use crate::error::{Error, Result};

/// Who speaks in the errors of this module.
pub(super) const ID: &str = "micro.tls";

impl Tls {
    /// The files, each with the flag that names it.
    pub(super) fn files(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let files = [
            ("tls_cert_file", &self.cert_file),
            ("tls_key_file", &self.key_file),
            ("tls_ca_file", &self.ca_file),
            ("tls_client_ca_file", &self.client_ca_file),
        ];
        files
            .into_iter()
            .filter_map(|(flag, file)| Some((flag, file.as_deref()?)))
    }
}

/// What the two ends of one transport or broker need; nothing if connections are not secured.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ends {
    tls: Tls,
    connector: Option<Arc<Connector>>,
}

impl Ends {
    /// Reads what `tls` names.
    ///
    /// # Errors
    ///
    /// `bad_request`, naming the flag and the file, for what is missing, cannot be read, or does not belong together.
    pub(crate) fn open(tls: &Tls) -> Result<Self> {
        let wrong = |detail| Err(Error::bad_request(ID, detail));
        if !tls.is_on {
            return match tls.files().next() {
                None => Ok(Self::default()),
                Some((flag, _)) => wrong(format!("--{flag} is given without --tls: give both")),
            };
        }
        match (&tls.cert_file, &tls.key_file) {
            (Some(_), None) => return wrong("--tls_cert_file needs --tls_key_file".to_owned()),
            (None, Some(_)) => return wrong("--tls_key_file needs --tls_cert_file".to_owned()),
            _ => {}
        }
        Ok(Self {
            connector: Some(Arc::new(Connector::open(tls)?)),
            tls: tls.clone(),
        })
    }

    pub(crate) fn is_on(&self) -> bool {
        self.tls.is_on
    }

    /// True if the name that is expected depends on the service that is called.
    pub(crate) fn expects_services(&self) -> bool {
        self.is_on() && self.tls.server_name.is_none()
    }

    /// What secures the connections that are accepted by who speaks `protocols`.
    ///
    /// # Errors
    ///
    /// `bad_request` as [`open`](Self::open), or if there is no certificate.
    pub(crate) fn acceptor(&self, protocols: &'static [Protocol]) -> Result<Option<Acceptor>> {
        if !self.is_on() {
            return Ok(None);
        }
        Acceptor::open(&self.tls, protocols).map(Some)
    }

    /// How connections to a node of `service` begin.
    pub(crate) fn way(&self, service: &str) -> Way {
        let name = self.tls.server_name.as_deref().unwrap_or(service);
        let connector = self.connector.clone();
        Way(connector.map(|connector| (connector, Arc::from(name))))
    }

    /// Refuses a node that takes TLS only, by what its record says, if this end does not speak it.
    ///
    /// # Errors
    ///
    /// `bad_gateway`, marked as never reached.
    pub(crate) fn agree(&self, address: &str, facts: &BTreeMap<String, String>) -> Result<()> {
        let (name, value) = SECURE;
        if self.is_on() || facts.get(name).is_none_or(|own| own != value) {
            return Ok(());
        }
        Err(only(address))
    }
}

/// That `address` takes TLS only, and this end speaks none.
pub(crate) fn only(address: &str) -> Error {
    let detail =
        format!("{address} takes TLS only: start this program with --tls and --tls_ca_file");
    Error::bad_gateway(ID, detail).never_reached()
}

/// How the connections to one node begin: in TLS with the name that is expected there, or as they are.
#[derive(Clone, Default)]
pub(crate) struct Way(Option<(Arc<Connector>, Arc<str>)>);

impl Way {
    /// The name that is expected; `None` if nothing is secured.
    pub(crate) fn name(&self) -> Option<&str> {
        self.0.as_ref().map(|(_, name)| &**name)
    }

    /// `stream`, secured if it is to be, for who wants to speak `wanted`.
    pub(crate) async fn begin(&self, stream: TcpStream, wanted: Protocol) -> io::Result<Stream> {
        match &self.0 {
            None => Ok(Stream::Plain(stream)),
            Some((connector, name)) => connector.connect(stream, name, wanted).await,
        }
    }
}

impl fmt::Debug for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Way").field(&self.name()).finish()
    }
}
