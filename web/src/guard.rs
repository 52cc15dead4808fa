//! Who may ask: the Host header (a rebound name is refused), the Origin header (another site's page is
//! refused), and the token. All of it before, or beside, routing; none of it by looking at the path.

mod host;
mod origin;
mod throttle;
mod token;

use std::net::IpAddr;
use std::sync::Arc;

use http::request::Parts;

use host::Hosts;
pub(crate) use throttle::Throttle;
pub(crate) use token::{Tokens, ui_cookie};

use crate::app::unix_ms;
use crate::error::ApiError;
use crate::keys::{Holder, Keyring};
use crate::settings::{Exposure, Settings};

/// Everything that is checked before a handler runs.
#[derive(Debug)]
pub(crate) struct Guard {
    hosts: Hosts,
    tokens: Tokens,
    keys: Arc<Keyring>,
    throttle: Throttle,
    network: bool,
}

impl Guard {
    pub(crate) fn new(settings: &Settings, key: [u8; 32]) -> Self {
        let (names, network) = match &settings.exposure {
            Exposure::Loopback => (Vec::new(), false),
            Exposure::Network { names, .. } => (names.clone(), true),
        };
        Self {
            hosts: Hosts::new(&names),
            tokens: Tokens::new(key, &settings.token),
            keys: Arc::clone(&settings.keys),
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
        let asker = Asker(self.asker(parts, peer));
        if self.network {
            asker.demand()?;
        }
        Ok(asker)
    }

    /// A key of ours that opens nothing any more is told so, wherever it is shown: it is no guess.
    fn asker(&self, parts: &Parts, peer: IpAddr) -> Result<Option<Who>, ApiError> {
        let Some(presented) = token::presented(&parts.headers)? else { return Ok(None) };
        // Both are looked at, whatever the first says: the time tells nothing.
        let (is_install, holder) = (self.tokens.judge(&presented), self.keys.judge(&presented));
        if let Some(holder) = holder {
            holder.alive(unix_ms())?;
            return Ok(Some(Who::Key(holder)));
        }
        if is_install && !self.network {
            return Ok(Some(Who::Install));
        }
        Err(self.throttle.failure(peer))
    }
}

/// Whoever showed a secret of ours.
#[derive(Debug, Clone)]
pub(crate) enum Who {
    Install,
    Key(Arc<Holder>),
}

/// Who asks, as far as the secret tells.
#[derive(Debug, Clone)]
pub(crate) struct Asker(Result<Option<Who>, ApiError>);

impl Asker {
    /// For what needs a token or a key.
    pub(crate) fn demand(&self) -> Result<Who, ApiError> {
        self.0.clone()?.ok_or(ApiError::Unauthorized)
    }

    /// The key that is shown, if it is one of ours.
    pub(crate) fn holder(&self) -> Option<Arc<Holder>> {
        match &self.0 {
            Ok(Some(Who::Key(holder))) => Some(Arc::clone(holder)),
            Ok(Some(Who::Install) | None) | Err(_) => None,
        }
    }

    /// For what every program of this computer may do: programs send whatever key they were made to
    /// send, so a wrong one counts as none. One of ours counts, with all that it may not.
    pub(crate) fn or_anybody(&self) -> Result<Option<Who>, ApiError> {
        match &self.0 {
            Ok(who) => Ok(who.clone()),
            Err(error @ ApiError::Key(_)) => Err(error.clone()),
            Err(_) => Ok(None),
        }
    }
}
