//! Whom encrypted connections trust.

use std::ffi::OsString;
use std::path::PathBuf;

use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};

use super::HttpError;

/// The variable that names a file of certificates, as OpenSSL, curl and Python know it.
const VARIABLE: &str = "SSL_CERT_FILE";

/// The certificates of `SSL_CERT_FILE` where it is set (services of one's own, networks that look into encrypted
/// connections), otherwise those of Mozilla's browsers.
pub(super) fn trusted() -> Result<TlsConfig, HttpError> {
    let roots = match std::env::var_os(VARIABLE) {
        Some(path) if !path.is_empty() => read(path)?,
        _ => RootCerts::WebPki,
    };
    Ok(TlsConfig::builder().root_certs(roots).build())
}

fn read(path: OsString) -> Result<RootCerts, HttpError> {
    let path = PathBuf::from(path);
    let refused = |problem: String| HttpError::Certificates { path: path.clone(), problem };
    let text = std::fs::read(&path).map_err(|error| refused(error.to_string()))?;
    let mut certificates: Vec<Certificate<'static>> = Vec::new();
    for item in parse_pem(&text) {
        // A key in the same file is nobody's to trust.
        if let PemItem::Certificate(certificate) = item.map_err(|error| refused(error.to_string()))? {
            certificates.push(certificate);
        }
    }
    if certificates.is_empty() {
        return Err(refused("it holds no certificate".into()));
    }
    Ok(RootCerts::from(certificates))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_certificates_are_read_or_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("roots.pem");
        let problem = |path: &std::path::Path| read(path.into()).unwrap_err().to_string();
        assert!(problem(&file).contains("roots.pem` of `SSL_CERT_FILE` cannot be used: No such file"));
        std::fs::write(&file, "# nothing\n").unwrap();
        assert!(problem(&file).contains("it holds no certificate"));
        std::fs::write(&file, "-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n").unwrap();
        assert!(problem(&file).contains("cannot be used: "));
        let one = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
        std::fs::write(&file, format!("# two\n{one}{one}")).unwrap();
        let RootCerts::Specific(certificates) = read(file.into()).unwrap() else {
            panic!("not those of the file")
        };
        assert_eq!(certificates.len(), 2);
    }
}
