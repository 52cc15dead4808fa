//! Where models are downloaded from, and how much space they may take.

use pumasi_hub::{CdnHost, Endpoint};

use super::{ConfigError, Settings};

/// Where other programs have the hub's address.
const ENDPOINT_VARIABLE: &str = "HF_ENDPOINT";

/// The hub, and the space for what comes from there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubSettings {
    /// Its address.
    pub endpoint: Endpoint,
    /// Hosts that its files may come from, besides itself and the public hub's own.
    pub cdn: Vec<CdnHost>,
    /// Bytes that stored models may take; none: as many as the disk has.
    pub space: Option<u64>,
}

impl HubSettings {
    pub(super) fn of(settings: &Settings) -> Result<Self, ConfigError> {
        let endpoint = match (&settings.hub, std::env::var(ENDPOINT_VARIABLE)) {
            (Some(endpoint), _) => endpoint.clone(),
            (None, Ok(text)) if !text.is_empty() => {
                Endpoint::parse(&text).map_err(ConfigError::Hub)?
            }
            (None, _) => Endpoint::public(),
        };
        let cdn = settings.hub_cdn.clone().unwrap_or_default();
        Ok(Self { endpoint, cdn, space: settings.model_space.map(|size| size.0) })
    }
}
