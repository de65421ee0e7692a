//! Certificates in files of a scratch folder.

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd,
};
use tempfile::TempDir;

/// Signs certificates.
pub struct Authority {
    folder: TempDir,
    issuer: CertifiedIssuer<'static, KeyPair>,
    signed: AtomicUsize,
}

impl Authority {
    pub fn new(name: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        fs::write(folder.path().join("ca.pem"), issuer.pem()).unwrap();
        Self {
            folder,
            issuer,
            signed: AtomicUsize::new(0),
        }
    }

    /// Where its own certificate is.
    pub fn file(&self) -> String {
        self.path("ca.pem")
    }

    pub fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    /// A certificate for `names` that is valid now, and its key, in files of their own.
    pub fn signs(&self, names: &[&str]) -> (String, String) {
        self.signs_for(names, 2020..4000)
    }

    /// The same, valid from the first day of a year to that of another.
    pub fn signs_for(&self, names: &[&str], years: std::ops::Range<i32>) -> (String, String) {
        let number = self.signed.fetch_add(1, Ordering::Relaxed);
        let files = (
            self.path(&format!("{number}.pem")),
            self.path(&format!("{number}.key")),
        );
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.not_before = date_time_ymd(years.start, 1, 1);
        params.not_after = date_time_ymd(years.end, 1, 1);
        let key = KeyPair::generate().unwrap();
        let signed = params.signed_by(&key, &self.issuer).unwrap();
        fs::write(&files.0, signed.pem()).unwrap();
        fs::write(&files.1, key.serialize_pem()).unwrap();
        files
    }
}
