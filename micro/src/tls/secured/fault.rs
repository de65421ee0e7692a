//! What went wrong with a handshake, in words that say what to do.

use std::error::Error as StdError;
use std::io;
use std::time::Duration;

use rustls::pki_types::UnixTime;
use rustls::{AlertDescription, CertificateError, Error};

/// What `error` means to who dialed and expected `name`, after the address that was dialed.
pub(crate) fn words(error: &io::Error, name: &str) -> String {
    match inner(error) {
        Some(Error::InvalidCertificate(wrong)) => certificate(wrong, name),
        Some(Error::InvalidMessage(_)) => {
            "answers without TLS: start it with --tls, or this program without".to_owned()
        }
        Some(Error::AlertReceived(alert)) => alerted(*alert),
        Some(other) => format!("cannot be spoken to in TLS: {other}"),
        // A close with unread bytes is a reset.
        None if matches!(
            error.kind(),
            io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset
        ) =>
        {
            "closed the connection in the handshake: does it take TLS?".to_owned()
        }
        None => format!("cannot be spoken to in TLS: {error}"),
    }
}

/// Why the other end refused this one after the handshake, as servers do that do not like a client's certificate.
pub(crate) fn refusal(error: &(dyn StdError + 'static)) -> Option<String> {
    match inner(error)? {
        Error::AlertReceived(alert) if is_of_certificate(*alert) => Some(alerted(*alert)),
        _ => None,
    }
}

/// The library's own error, below those that were put round it.
fn inner<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        // What is in such an error is not its source: that is the source of what is in it.
        let held = error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        next = match held {
            Some(held) => Some(held as &(dyn StdError + 'static)),
            None => error.source(),
        };
    }
    None
}

fn certificate(wrong: &CertificateError, name: &str) -> String {
    match wrong {
        CertificateError::ExpiredContext { time, not_after } => {
            format!(
                "has a certificate that expired {} ago",
                between(*not_after, *time)
            )
        }
        CertificateError::NotValidYetContext { time, not_before } => {
            let rest = between(*time, *not_before);
            format!("has a certificate that is valid only in {rest}: are the clocks right?")
        }
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "has a certificate that no authority in --tls_ca_file signed".to_owned()
        }
        CertificateError::NotValidForNameContext { presented, .. } => {
            // Each is written as its kind and, quoted, its text.
            let text = |name: &String| name.split('"').nth(1).unwrap_or(name).to_owned();
            let names: Vec<String> = presented.iter().map(text).collect();
            let names = match &*names {
                [] => "no name".to_owned(),
                names => names.join(", "),
            };
            format!(
                "has a certificate for {names}, and not for {name}: give it one, or --tls_server_name"
            )
        }
        other => format!("has a certificate that cannot be used: {other}"),
    }
}

fn alerted(alert: AlertDescription) -> String {
    match alert {
        AlertDescription::CertificateRequired => {
            "answers only who has a certificate: give --tls_cert_file and --tls_key_file".to_owned()
        }
        AlertDescription::UnknownCA | AlertDescription::DecryptError => {
            "refused the certificate in --tls_cert_file: no authority in its --tls_client_ca_file signed it"
                .to_owned()
        }
        AlertDescription::CertificateExpired => {
            "refused the certificate in --tls_cert_file: it has expired, or is not valid yet"
                .to_owned()
        }
        alert if is_of_certificate(alert) => {
            format!("refused the certificate in --tls_cert_file: {alert:?}")
        }
        AlertDescription::NoApplicationProtocol => {
            "speaks another protocol: its --transport is another".to_owned()
        }
        alert => format!("ended the handshake: {alert:?}"),
    }
}

fn is_of_certificate(alert: AlertDescription) -> bool {
    matches!(
        alert,
        AlertDescription::NoCertificate
            | AlertDescription::BadCertificate
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnknownCA
            | AlertDescription::AccessDenied
            | AlertDescription::DecryptError
            | AlertDescription::CertificateRequired
    )
}

/// How long it is from `from` to `to`, in the largest unit that fits.
fn between(from: UnixTime, to: UnixTime) -> String {
    let seconds = to.as_secs().saturating_sub(from.as_secs());
    match seconds {
        0..120 => format!("{:?}", Duration::from_secs(seconds)),
        120..7_200 => format!("{} minutes", seconds / 60),
        7_200..172_800 => format!("{} hours", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}
