//! The listener for programs of other computers, beside that of this one: TLS, and API keys only.

use std::net::SocketAddr;
use std::path::PathBuf;

use pumasi_web::{Exposure, Keyring, Settings, Tls, api};

use crate::config::{Config, HostName, PublicConfig};
use crate::core::unix_ms;
use crate::daemon::DaemonError;
use crate::https::{self, Certificate};

/// Ready to listen: there is at least one key, and a certificate.
pub(crate) struct Public {
    pub(crate) address: SocketAddr,
    names: Vec<HostName>,
    certificate: Certificate,
    /// The files of IT that it came from.
    files: Option<(PathBuf, PathBuf)>,
}

impl Public {
    pub(crate) fn prepare(config: &Config, keys: &Keyring) -> Result<Option<Self>, DaemonError> {
        let Some(public) = &config.public else { return Ok(None) };
        if keys.is_empty() {
            return Err(DaemonError::NoKeys(public.address));
        }
        let mut names = host_names(public);
        let now_s = i64::try_from(unix_ms() / 1_000).unwrap_or(i64::MAX);
        let certificate = https::certificate(&config.data_dir, public, &names, now_s)?;
        // Whoever names this computer as its certificate does means this one.
        let certified = certificate.names.iter().filter(|name| *name != "localhost");
        names.extend(certified.filter_map(|name| name.parse::<HostName>().ok()));
        names.sort();
        names.dedup();
        let (address, files) = (public.address, public.files.clone());
        Ok(Some(Self { address, names, certificate, files }))
    }

    pub(crate) fn endpoint(&self, address: SocketAddr) -> api::Endpoint {
        api::Endpoint {
            address: address.to_string(),
            names: self.names.iter().map(ToString::to_string).collect(),
            fingerprint: self.certificate.fingerprint.clone(),
        }
    }

    /// What may be renewed while it is served, if IT supplied it.
    pub(crate) fn renewable(&self) -> Option<((PathBuf, PathBuf), Tls)> {
        Some((self.files.clone()?, self.certificate.tls.clone()))
    }

    pub(crate) fn settings(&self, own: Settings) -> Settings {
        let names = self.names.iter().map(ToString::to_string).collect();
        let tls = Some(self.certificate.tls.config());
        Settings { exposure: Exposure::Network { names, tls }, ..own }
    }
}

/// The names by which this computer is reached: its host name, that in DNS-SD, and what was set.
fn host_names(public: &PublicConfig) -> Vec<HostName> {
    let host = gethostname::gethostname().to_string_lossy().into_owned();
    let first = host.split('.').next().unwrap_or_default();
    let own = [format!("{first}.local"), host.clone()];
    let own = own.iter().filter_map(|name| name.parse().ok());
    public.names.iter().cloned().chain(own).collect()
}
