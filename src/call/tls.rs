//! Why TLS with a server came to nothing, in words that say what to do.

use rustls::CertificateError;
use std::error::Error as StdError;
use std::io;

/// Why the certificate of `host` was refused. No repetition heals that. `None` where something else went wrong.
pub(super) fn refused(error: &(dyn StdError + 'static), host: &str) -> Option<String> {
    let rustls::Error::InvalidCertificate(reason) = find(error)? else { return None };
    let why = match reason {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "has expired, or the clock of this machine is wrong".to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "is not valid yet, or the clock of this machine is wrong".to_owned()
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "is for another name".to_owned()
        }
        CertificateError::UnknownIssuer => "is signed by nobody who is trusted here, or by itself".to_owned(),
        CertificateError::Revoked => "is revoked".to_owned(),
        other => format!("cannot be verified ({other})"),
    };
    Some(format!(
        "the certificate of `{host}` {why}; whom else to trust is named by SSL_CERT_FILE or SSL_CERT_DIR"
    ))
}

/// That whoever listens there does not speak TLS.
pub(super) fn foreign(error: &(dyn StdError + 'static)) -> Option<String> {
    matches!(find(error)?, rustls::Error::InvalidMessage(_))
        .then(|| "what listens there does not speak TLS: is its address one with http://?".to_owned())
}

/// The error of TLS among the causes of an error. I/O errors hide theirs from `source`.
fn find<'e>(error: &'e (dyn StdError + 'static)) -> Option<&'e rustls::Error> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref::<rustls::Error>() {
            return Some(found);
        }
        let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        if let Some(found) = inner.and_then(|inner| find(inner)) {
            return Some(found);
        }
        cause = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(reason: CertificateError) -> String {
        let wrapped = io::Error::other(io::Error::other(rustls::Error::InvalidCertificate(reason)));
        refused(&wrapped, "api.example").expect("a certificate")
    }

    #[test]
    fn every_reason_has_its_words_and_says_what_to_set() {
        for (reason, words) in [
            (CertificateError::Expired, "has expired"),
            (CertificateError::NotValidYet, "is not valid yet"),
            (CertificateError::NotValidForName, "is for another name"),
            (CertificateError::UnknownIssuer, "signed by nobody who is trusted here"),
            (CertificateError::Revoked, "is revoked"),
            (CertificateError::BadEncoding, "cannot be verified (BadEncoding)"),
        ] {
            let said = said(reason);
            assert!(said.starts_with("the certificate of `api.example` ") && said.contains(words), "{said}");
            assert!(said.ends_with("SSL_CERT_FILE or SSL_CERT_DIR"), "{said}");
        }
    }

    #[test]
    fn other_errors_are_no_certificates() {
        assert_eq!(refused(&io::Error::other("refused"), "x"), None);
        let alien = rustls::Error::InvalidMessage(rustls::InvalidMessage::InvalidContentType);
        assert_eq!(refused(&io::Error::other(alien.clone()), "x"), None);
        assert!(foreign(&io::Error::other(alien)).is_some_and(|said| said.contains("does not speak TLS")));
    }
}
