//! What the HTTP face is told at its start: who may reach it, and how patient it is.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;

use crate::keys::Keyring;
use crate::meters::Meters;

/// A secret: shown by nothing, compared in constant time.
#[derive(Clone)]
pub struct Secret(pub(crate) String);

impl Secret {
    /// From its text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

/// Who can reach the listener.
#[derive(Debug, Clone)]
pub enum Exposure {
    /// Programs of this computer: inference is open to them, everything else needs the token.
    Loopback,
    /// Other computers too: everything needs an API key. The token of this install opens nothing here:
    /// it stays on its computer.
    Network {
        /// Names in DNS or DNS-SD by which this computer is reached, such as `desk.local`.
        names: Vec<String>,
        /// Certificate and key; must be there unless the address is a loopback one.
        tls: Option<Arc<ServerConfig>>,
    },
}

/// How patient the HTTP face is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// For a request's head, from its first byte. Default 10 s (guess).
    pub head: Duration,
    /// For the next piece of a body. Default 60 s (guess).
    pub body_idle: Duration,
    /// For the next request on a connection. Default 75 s (that of the common web servers).
    pub keep_alive: Duration,
    /// For a client that does not read at all. Default 5 min (guess).
    pub stalled: Duration,
    /// Until a reply's head is sent although its job has not started. Default 20 s: headers that
    /// name the node and errors with a proper status are worth that wait (guess).
    pub reply_head: Duration,
    /// Between comments that keep a quiet stream alive. Default 15 s (proxies give up after 30 s).
    pub heartbeat: Duration,
    /// For an engine to end by itself after a stop string. Default 2 s (guess).
    pub wind_down: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            head: Duration::from_secs(10),
            body_idle: Duration::from_secs(60),
            keep_alive: Duration::from_secs(75),
            stalled: Duration::from_secs(300),
            reply_head: Duration::from_secs(20),
            heartbeat: Duration::from_secs(15),
            wind_down: Duration::from_secs(2),
        }
    }
}

/// What the log says of requests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RequestLog {
    /// A line when an answer begins, without the names of models: they are nobody's business.
    #[default]
    Heads,
    /// A line when an answer has ended, with model, place, times and tokens.
    Whole {
        /// With the names of models.
        models: bool,
    },
}

/// Everything the HTTP face is told.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Who can reach it.
    pub exposure: Exposure,
    /// The token of this install.
    pub token: Secret,
    /// The API keys, shared with the other listeners.
    pub keys: Arc<Keyring>,
    /// Refuse unknown fields of requests instead of ignoring and naming them. Default false.
    pub strict: bool,
    /// How patient it is.
    pub patience: Patience,
    /// Connections at a time. Default [`crate::limits::CONNECTIONS`].
    pub connections: usize,
    /// What counts requests, shared with the other listeners.
    pub meters: Arc<Meters>,
    /// What the log says of requests. Default [`RequestLog::Heads`].
    pub request_log: RequestLog,
}

impl Settings {
    /// For programs of this computer.
    #[must_use]
    pub fn loopback(token: Secret) -> Self {
        Self {
            exposure: Exposure::Loopback,
            token,
            keys: Arc::default(),
            strict: false,
            patience: Patience::default(),
            connections: crate::limits::CONNECTIONS,
            meters: Arc::default(),
            request_log: RequestLog::default(),
        }
    }
}

/// Why a listener would be unsafe: the node ends with exit code 78 (`EX_CONFIG`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BindRefused {
    /// Other computers could reach it, and there is nothing to tell friend from stranger.
    #[error(
        "refusing to listen on {0}: other computers could use this one without a key. Either listen \
         on 127.0.0.1, or make an API key and set a TLS certificate"
    )]
    NoKeys(SocketAddr),
    /// Other computers could reach it, and keys would travel in the clear.
    #[error(
        "refusing to listen on {0}: API keys would cross the network in the clear. Either listen on \
         127.0.0.1, or set a TLS certificate"
    )]
    NoTls(SocketAddr),
}

impl BindRefused {
    /// The exit code for it, as in `sysexits.h`: `EX_CONFIG`.
    pub const EXIT_CODE: u8 = 78;
}

/// Whether listening on `address` is safe. Call it before binding.
///
/// # Errors
/// Why it is not.
pub fn check_bind(
    address: SocketAddr,
    exposure: &Exposure,
    keys: &Keyring,
) -> Result<(), BindRefused> {
    if address.ip().to_canonical().is_loopback() {
        return Ok(());
    }
    match exposure {
        Exposure::Loopback => Err(BindRefused::NoKeys(address)),
        Exposure::Network { .. } if keys.is_empty() => Err(BindRefused::NoKeys(address)),
        Exposure::Network { tls: None, .. } => Err(BindRefused::NoTls(address)),
        Exposure::Network { tls: Some(_), .. } => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NETWORK: Exposure = Exposure::Network { names: Vec::new(), tls: None };

    #[test]
    fn cat_s01_other_computers_are_kept_out_without_key_and_tls() {
        for text in ["0.0.0.0:7862", "[::]:7862", "192.0.2.7:7862", "[::ffff:192.0.2.7]:7862"] {
            let address: SocketAddr = text.parse().expect("an address");
            let none = Keyring::default();
            let open = check_bind(address, &Exposure::Loopback, &none).expect_err("no key");
            assert_eq!(open, BindRefused::NoKeys(address));
            assert_eq!(check_bind(address, &NETWORK, &none), Err(BindRefused::NoKeys(address)));
            let one = crate::keys::tests::keyring(&["k"]);
            assert_eq!(check_bind(address, &NETWORK, &one), Err(BindRefused::NoTls(address)));
            assert_eq!(
                check_bind(address, &Exposure::Loopback, &one),
                Err(BindRefused::NoKeys(address)),
            );
            let sentence = open.to_string();
            assert!(sentence.contains("127.0.0.1") && sentence.contains("TLS certificate"));
        }
        for text in ["127.0.0.1:0", "[::1]:7862", "127.8.0.1:1", "[::ffff:127.0.0.1]:1"] {
            let address = text.parse().expect("an address");
            assert_eq!(check_bind(address, &Exposure::Loopback, &Keyring::default()), Ok(()));
        }
        assert_eq!(BindRefused::EXIT_CODE, 78);
    }

    #[test]
    fn secrets_do_not_show_in_debug_output() {
        assert!(!format!("{:?}", Settings::loopback(Secret::new("hunter2"))).contains("hunter2"));
    }
}
