//! What is in the files: certificates, keys and authorities, read again once the files change.

use std::fmt;
use std::fs;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::RootCertStore;
use rustls::client::ClientConfig;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ServerConfig, WebPkiClientVerifier};

use crate::error::{Error, Result};
use crate::tls::Tls;
use crate::tls::ends::ID;

/// What was made of files, made again once they have changed.
pub(super) struct Fresh<T> {
    tls: Tls,
    make: Make<T>,
    made: Mutex<(Stamp, Arc<T>)>,
}

/// Reads the files.
type Make<T> = Box<dyn Fn(&Tls) -> Result<T> + Send + Sync>;

/// What each file holds; nothing of one that is not there. Two changes may have one time and one length.
type Stamp = Vec<Option<Vec<u8>>>;

impl<T> Fresh<T> {
    /// Made by `make` of the files of `tls`.
    ///
    /// # Errors
    ///
    /// What `make` says.
    pub(super) fn open(
        tls: Tls,
        make: impl Fn(&Tls) -> Result<T> + Send + Sync + 'static,
    ) -> Result<Self> {
        // Before they are read: what changes meanwhile is read again.
        let stamp = stamp(&tls);
        let first = make(&tls)?;
        Ok(Self {
            made: Mutex::new((stamp, Arc::new(first))),
            make: Box::new(make),
            tls,
        })
    }

    /// What the files say now, or said last before they could not be read any more.
    pub(super) fn get(&self) -> Arc<T> {
        // A handshake costs a hundred times what it costs to look.
        let stamp = stamp(&self.tls);
        // Each change is one assignment, so that a panic leaves it whole.
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if made.0 != stamp {
            made.0 = stamp;
            match (self.make)(&self.tls) {
                Ok(new) => {
                    tracing::info!("the certificates have changed and are used from now on");
                    made.1 = Arc::new(new);
                }
                Err(error) => tracing::warn!(%error, "the certificates from before stay in use"),
            }
        }
        Arc::clone(&made.1)
    }
}

impl<T> fmt::Debug for Fresh<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Fresh").field(&self.tls).finish()
    }
}

fn stamp(tls: &Tls) -> Stamp {
    tls.files().map(|(_, file)| fs::read(file).ok()).collect()
}

/// How this program dials; it trusts whom `--tls_ca_file` names.
pub(super) fn client(tls: &Tls, ca_file: &str) -> Result<ClientConfig> {
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|source| unusable("TLS", source))?
        .with_root_certificates(authorities("tls_ca_file", ca_file)?);
    match identity(tls)? {
        None => Ok(builder.with_no_client_auth()),
        Some((chain, key)) => builder
            .with_client_auth_cert(chain, key)
            .map_err(|source| mismatch(tls, source)),
    }
}

/// How this program answers; if `--tls_client_ca_file` is given, only those whom that names.
pub(super) fn server(tls: &Tls) -> Result<ServerConfig> {
    let builder = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|source| unusable("TLS", source))?;
    let builder = match &tls.client_ca_file {
        None => builder.with_no_client_auth(),
        Some(file) => {
            let roots = Arc::new(authorities("tls_client_ca_file", file)?);
            let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider())
                .build()
                .map_err(|source| unusable(&named("tls_client_ca_file", file), source))?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    let Some((chain, key)) = identity(tls)? else {
        let detail =
            "a server with --tls needs a certificate: give --tls_cert_file and --tls_key_file";
        return Err(Error::bad_request(ID, detail));
    };
    builder
        .with_single_cert(chain, key)
        .map_err(|source| mismatch(tls, source))
}

/// The library's own primitives. Said each time, since another library of the program may have chosen others for all.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// Who this program is, if it says so.
fn identity(tls: &Tls) -> Result<Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>> {
    let (Some(cert_file), Some(key_file)) = (&tls.cert_file, &tls.key_file) else {
        return Ok(None);
    };
    let chain = certificates("tls_cert_file", cert_file)?;
    let key = PrivateKeyDer::from_pem_file(key_file)
        .map_err(|source| unreadable("tls_key_file", key_file, "private key", source))?;
    Ok(Some((chain, key)))
}

fn authorities(flag: &str, file: &str) -> Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(flag, file)? {
        let added = roots.add(certificate);
        added.map_err(|source| unusable(&named(flag, file), source))?;
    }
    Ok(roots)
}

fn certificates(flag: &str, file: &str) -> Result<Vec<CertificateDer<'static>>> {
    let wrong = |source| unreadable(flag, file, "certificate", source);
    let read = CertificateDer::pem_file_iter(file).map_err(wrong)?;
    let all = read.collect::<Result<Vec<_>, _>>().map_err(wrong)?;
    if all.is_empty() {
        return Err(wrong(pem::Error::NoItemsFound));
    }
    Ok(all)
}

/// A file as its messages call it.
fn named(flag: &str, file: &str) -> String {
    format!("{file} (--{flag})")
}

fn unreadable(flag: &str, file: &str, what: &str, source: pem::Error) -> Error {
    let file = named(flag, file);
    let detail = match &source {
        pem::Error::Io(error) => format!("{file} cannot be read: {error}"),
        pem::Error::NoItemsFound => format!("{file} holds no {what} in PEM form"),
        broken => format!("{file} is no {what} in PEM form: {broken}"),
    };
    Error::bad_request(ID, detail).with_source(source)
}

fn mismatch(tls: &Tls, source: rustls::Error) -> Error {
    let file = |flag, file: &Option<String>| named(flag, file.as_deref().unwrap_or_default());
    let cert_file = file("tls_cert_file", &tls.cert_file);
    let key_file = file("tls_key_file", &tls.key_file);
    let detail = match &source {
        rustls::Error::InconsistentKeys(_) => format!("{key_file} is not the key of {cert_file}"),
        other => format!("{cert_file} and {key_file} cannot be used: {other}"),
    };
    Error::bad_request(ID, detail).with_source(source)
}

fn unusable(what: &str, source: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::bad_request(ID, format!("{what} cannot be used: {source}")).with_source(source)
}
