//! The certificate of the listener for other computers: one that IT supplies, or the node's own, which
//! signs itself, is made once and is known by its fingerprint.

use std::io::ErrorKind;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use pumasi_web::{Tls, TlsError};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use sha2::{Digest, Sha256};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::config::{HostName, PublicConfig};
use crate::runtime::write_private;

mod renewal;

pub(crate) use renewal::{Renewed, keep_renewed};

const OWN_CERTIFICATE: &str = "http-cert.pem";
const OWN_KEY: &str = "http-key.pem";
/// How long an own certificate is valid, in years: clients trust this one, not a chain that ends.
const OWN_YEARS: i32 = 10;

/// Why a certificate cannot be used. Each ends the program with code 78.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file cannot be read.
    #[error("{} cannot be read ({error}): correct --http-cert and --http-key, or its permissions", .path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// Everybody on this computer could read the key.
    #[error("the TLS key {} can be read by everybody on this computer: run `chmod 600` on it", .0.display())]
    Exposed(PathBuf),
    /// The files hold something else, or do not belong together.
    #[error("the TLS certificate {} cannot be used: {error}", .path.display())]
    Unusable {
        /// The certificate's file.
        path: PathBuf,
        /// What is wrong.
        error: TlsError,
    },
    /// Its time is over.
    #[error("the TLS certificate {} has expired ({end}): ask for a new one", .path.display())]
    Expired {
        /// The certificate's file.
        path: PathBuf,
        /// When.
        end: String,
    },
    /// Its time has not come.
    #[error("the TLS certificate {} is not valid before {begin}: is this computer's clock right?", .path.display())]
    NotYet {
        /// The certificate's file.
        path: PathBuf,
        /// When.
        begin: String,
    },
    /// The node's own is broken.
    #[error(
        "the node's own TLS certificate {} is damaged: remove it, and the next start makes a new one, \
         with another fingerprint", .0.display()
    )]
    Damaged(PathBuf),
    /// The node's own cannot be made or kept.
    #[error("a TLS certificate cannot be written to {} ({error}): is the disk full or read-only?", .path.display())]
    Write {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// The node's own cannot be made.
    #[error("no TLS certificate can be made ({0}): supply one with --http-cert and --http-key")]
    Make(rcgen::Error),
}

/// A certificate with its key, ready to serve.
#[derive(Debug, Clone)]
pub(crate) struct Certificate {
    pub(crate) tls: Tls,
    /// SHA-256 of the certificate, as `openssl x509 -fingerprint -sha256` prints it.
    pub(crate) fingerprint: String,
    /// The names that it is for.
    pub(crate) names: Vec<String>,
}

/// The certificate that the settings name, else the node's own, made if there is none yet. `names` are
/// those by which this computer is reached.
pub(crate) fn certificate(
    data_dir: &Path,
    public: &PublicConfig,
    names: &[HostName],
    now_s: i64,
) -> Result<Certificate, CertificateError> {
    match &public.files {
        Some((certificate, key)) => supplied(certificate, key, now_s),
        None => own(data_dir, names, now_s),
    }
}

/// The certificate of IT, checked.
fn supplied(path: &Path, key: &Path, now_s: i64) -> Result<Certificate, CertificateError> {
    let pem = read(path)?;
    refuse_exposed(key)?;
    let key = read(key)?;
    let unusable = |error| CertificateError::Unusable { path: path.to_owned(), error };
    let tls = Tls::new(&pem, &key).map_err(unusable)?;
    let facts = Facts::of(&pem).ok_or_else(|| unusable(TlsError::NoCertificate))?;
    if facts.end_s <= now_s {
        return Err(CertificateError::Expired { path: path.to_owned(), end: facts.end });
    }
    if facts.begin_s > now_s {
        return Err(CertificateError::NotYet { path: path.to_owned(), begin: facts.begin });
    }
    Ok(Certificate { tls, fingerprint: facts.fingerprint, names: facts.names })
}

fn read(path: &Path) -> Result<Vec<u8>, CertificateError> {
    let unreadable = |error| CertificateError::Unreadable { path: path.to_owned(), error };
    std::fs::read(path).map_err(unreadable)
}

/// The file is not ours to change. Its group may read it: so services share keys.
#[cfg(unix)]
fn refuse_exposed(path: &Path) -> Result<(), CertificateError> {
    use std::os::unix::fs::PermissionsExt;
    let unreadable = |error| CertificateError::Unreadable { path: path.to_owned(), error };
    let mode = std::fs::metadata(path).map_err(unreadable)?.permissions().mode();
    let is_exposed = mode & 0o007 != 0;
    if is_exposed { Err(CertificateError::Exposed(path.to_owned())) } else { Ok(()) }
}

/// Elsewhere the folder carries the permissions.
#[cfg(not(unix))]
fn refuse_exposed(_path: &Path) -> Result<(), CertificateError> {
    Ok(())
}

fn own(data_dir: &Path, names: &[HostName], now_s: i64) -> Result<Certificate, CertificateError> {
    let (path, key) = (data_dir.join(OWN_CERTIFICATE), data_dir.join(OWN_KEY));
    let there = [&path, &key].map(|file| match std::fs::read(file) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(CertificateError::Unreadable { path: file.clone(), error }),
    });
    let [pem, key_pem] = there;
    if let (Some(pem), Some(key_pem)) = (pem?, key_pem?) {
        let damaged = || CertificateError::Damaged(path.clone());
        let tls = Tls::new(&pem, &key_pem).map_err(|_| damaged())?;
        let facts = Facts::of(&pem).ok_or_else(damaged)?;
        let has = |name: &HostName| facts.names.iter().any(|known| known == name.as_str());
        if facts.end_s > now_s && names.iter().all(has) {
            close_to_others(&key)?;
            let Facts { fingerprint, names, .. } = facts;
            return Ok(Certificate { tls, fingerprint, names });
        }
        tracing::warn!(
            "the own TLS certificate is made anew, for the names that this computer has now: its \
             fingerprint changes"
        );
    }
    make(&path, &key, names, now_s)
}

/// Its mode, should somebody have changed it.
#[cfg(unix)]
fn close_to_others(path: &Path) -> Result<(), CertificateError> {
    use std::os::unix::fs::PermissionsExt;
    let closed = std::fs::Permissions::from_mode(0o600);
    let failed = |error| CertificateError::Write { path: path.to_owned(), error };
    std::fs::set_permissions(path, closed).map_err(failed)
}

#[cfg(not(unix))]
fn close_to_others(_path: &Path) -> Result<(), CertificateError> {
    Ok(())
}

fn make(
    path: &Path,
    key_path: &Path,
    names: &[HostName],
    now_s: i64,
) -> Result<Certificate, CertificateError> {
    let texts = names.iter().map(ToString::to_string).chain(["localhost".to_owned()]);
    let addresses = own_addresses().into_iter().map(|ip| ip.to_string());
    let mut parameters = rcgen::CertificateParams::new(texts.chain(addresses).collect::<Vec<_>>())
        .map_err(CertificateError::Make)?;
    let title = names.first().map_or("pumasi", HostName::as_str);
    parameters.distinguished_name.push(rcgen::DnType::CommonName, title);
    parameters.key_usages = vec![rcgen::KeyUsagePurpose::DigitalSignature];
    parameters.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
    parameters.use_authority_key_identifier_extension = true;
    let year = year_of(now_s);
    // Clocks of clients may be behind.
    parameters.not_before = rcgen::date_time_ymd(year - 1, 1, 1);
    parameters.not_after = rcgen::date_time_ymd(year + OWN_YEARS, 1, 1);
    let key = rcgen::KeyPair::generate().map_err(CertificateError::Make)?;
    let made = parameters.self_signed(&key).map_err(CertificateError::Make)?;
    let (pem, key_pem) = (made.pem(), key.serialize_pem());
    for (file, text) in [(key_path, &key_pem), (path, &pem)] {
        let failed = |error| CertificateError::Write { path: file.to_owned(), error };
        write_private(file, text.as_bytes()).map_err(failed)?;
    }
    let damaged = || CertificateError::Damaged(path.to_owned());
    let tls = Tls::new(pem.as_bytes(), key_pem.as_bytes()).map_err(|_| damaged())?;
    let Facts { fingerprint, names, .. } = Facts::of(pem.as_bytes()).ok_or_else(damaged)?;
    Ok(Certificate { tls, fingerprint, names })
}

fn year_of(now_s: i64) -> i32 {
    let now = jiff::Timestamp::from_second(now_s).unwrap_or_default();
    now.to_zoned(jiff::tz::TimeZone::UTC).year().into()
}

/// The addresses that this computer has now. They may change; its names do not.
fn own_addresses() -> Vec<IpAddr> {
    let Ok(interfaces) = if_addrs::get_if_addrs() else { return Vec::new() };
    let mut addresses: Vec<IpAddr> = interfaces.iter().map(if_addrs::Interface::ip).collect();
    addresses.sort();
    addresses.dedup();
    addresses
}

/// What a certificate says of itself.
struct Facts {
    fingerprint: String,
    names: Vec<String>,
    begin_s: i64,
    end_s: i64,
    begin: String,
    end: String,
}

impl Facts {
    fn of(pem: &[u8]) -> Option<Self> {
        let der = CertificateDer::pem_slice_iter(pem).next()?.ok()?;
        let (_, parsed) = X509Certificate::from_der(&der).ok()?;
        let validity = parsed.validity();
        let names = parsed.subject_alternative_name().ok().flatten();
        let names = names.iter().flat_map(|extension| &extension.value.general_names);
        Some(Self {
            fingerprint: fingerprint(&der),
            names: names.filter_map(name_of).collect(),
            begin_s: validity.not_before.timestamp(),
            end_s: validity.not_after.timestamp(),
            begin: validity.not_before.to_string(),
            end: validity.not_after.to_string(),
        })
    }
}

fn name_of(name: &GeneralName<'_>) -> Option<String> {
    if let GeneralName::DNSName(name) = name { Some(name.to_ascii_lowercase()) } else { None }
}

fn fingerprint(der: &[u8]) -> String {
    let pairs: Vec<String> = Sha256::digest(der).iter().map(|byte| format!("{byte:02X}")).collect();
    pairs.join(":")
}

#[cfg(test)]
mod tests;
