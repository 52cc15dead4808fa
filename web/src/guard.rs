//! Who may ask: the Host header (a rebound name is refused), the Origin header (another site's page is
//! refused), and the token. All of it before, or beside, routing; none of it by looking at the path.

mod host;
mod origin;
mod throttle;
mod token;

use std::net::IpAddr;

use http::request::Parts;

use host::Hosts;
pub(crate) use throttle::Throttle;
pub(crate) use token::{Tokens, ui_cookie};

use crate::error::ApiError;
use crate::mesh::Caller;
use crate::settings::{Exposure, Settings};

/// Everything that is checked before a handler runs.
#[derive(Debug)]
pub(crate) struct Guard {
    hosts: Hosts,
    tokens: Tokens,
    throttle: Throttle,
    network: bool,
}

impl Guard {
    pub(crate) fn new(settings: &Settings, key: [u8; 32]) -> Self {
        let (keys, names, network) = match &settings.exposure {
            Exposure::Loopback => (Vec::new(), Vec::new(), false),
            Exposure::Network { keys, names, .. } => (keys.clone(), names.clone(), true),
        };
        Self {
            hosts: Hosts::new(&names),
            tokens: Tokens::new(key, &settings.token, &keys),
            throttle: Throttle::default(),
            network,
        }
    }

    /// Whether other computers can reach this listener.
    pub(crate) fn is_network(&self) -> bool {
        self.network
    }

    /// Checks Host and Origin, and finds out who asks. `local` and `peer` are the connection's ends.
    pub(crate) fn admit(
        &self,
        parts: &Parts,
        local: IpAddr,
        peer: IpAddr,
    ) -> Result<Asker, ApiError> {
        let host = host::of_request(parts)?;
        if !self.hosts.allow(&host, local) {
            return Err(ApiError::HostNotAllowed);
        }
        origin::check(parts, &host)?;
        let asker = Asker(self.caller(parts, peer));
        if self.network {
            asker.demand()?;
        }
        Ok(asker)
    }

    fn caller(&self, parts: &Parts, peer: IpAddr) -> Result<Option<Caller>, ApiError> {
        let Some(presented) = token::presented(&parts.headers)? else { return Ok(None) };
        match self.tokens.judge(&presented) {
            Some(caller) => Ok(Some(caller)),
            None => Err(self.throttle.failure(peer)),
        }
    }
}

/// Who asks, as far as the token tells.
#[derive(Debug, Clone)]
pub(crate) struct Asker(Result<Option<Caller>, ApiError>);

impl Asker {
    /// For what needs a token.
    pub(crate) fn demand(&self) -> Result<Caller, ApiError> {
        self.0.clone()?.ok_or(ApiError::Unauthorized)
    }

    /// For what every program of this computer may do: programs send whatever key they were made to
    /// send, so a wrong one counts as none.
    pub(crate) fn or_loopback(&self) -> Caller {
        match &self.0 {
            Ok(Some(caller)) => caller.clone(),
            Ok(None) | Err(_) => Caller::Loopback,
        }
    }
}
